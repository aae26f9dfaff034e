package org.kerascnn.app

import android.Manifest
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.net.Uri
import android.os.Bundle
import android.widget.Button
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.contract.ActivityResultContracts
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import androidx.camera.core.Preview
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.camera.view.PreviewView
import androidx.core.content.ContextCompat
import androidx.exifinterface.media.ExifInterface
import java.io.IOException
import java.util.concurrent.Executors

/** Says and draws what the camera sees, or what is on a picture that is picked. */
class MainActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor()
    private lateinit var network: Network
    private lateinit var preview: PreviewView
    private lateinit var picture: ImageView
    private lateinit var answer: TextView
    private var cameras: ProcessCameraProvider? = null
    private var picked = false

    private val permission = registerForActivityResult(ActivityResultContracts.RequestPermission()) { granted ->
        if (granted) startCamera()
    }
    private val picker = registerForActivityResult(ActivityResultContracts.GetContent()) { uri ->
        if (uri != null) show(uri)
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        network = Network(this)
        preview = PreviewView(this)
        picture = ImageView(this)
        answer = TextView(this).apply { textSize = 20f }
        val pick = Button(this).apply {
            setText(R.string.pick)
            setOnClickListener { picker.launch("image/*") }
        }
        val camera = Button(this).apply {
            setText(R.string.camera)
            setOnClickListener { askForCamera() }
        }
        val half = LinearLayout.LayoutParams(LinearLayout.LayoutParams.MATCH_PARENT, 0, 1f)
        setContentView(
            LinearLayout(this).apply {
                orientation = LinearLayout.VERTICAL
                fitsSystemWindows = true
                addView(preview, half)
                addView(picture, half)
                for (view in listOf(answer, pick, camera)) addView(view)
            },
        )
        askForCamera()
    }

    override fun onDestroy() {
        super.onDestroy()
        worker.execute { network.close() }
        worker.shutdown()
    }

    private fun askForCamera() {
        val held = ContextCompat.checkSelfPermission(this, Manifest.permission.CAMERA)
        if (held == PackageManager.PERMISSION_GRANTED) startCamera() else permission.launch(Manifest.permission.CAMERA)
    }

    private fun startCamera() {
        picked = false
        picture.setImageDrawable(null)
        val coming = ProcessCameraProvider.getInstance(this)
        coming.addListener({
            cameras = runCatching { coming.get() }.getOrNull()
            // By now the screen may be gone, or a picture picked.
            if (!isDestroyed && !picked) watch()
        }, ContextCompat.getMainExecutor(this))
    }

    private fun watch() {
        val lenses = listOf(CameraSelector.DEFAULT_BACK_CAMERA, CameraSelector.DEFAULT_FRONT_CAMERA)
        val lens = lenses.find { cameras?.hasCamera(it) == true } ?: return answer.setText(R.string.no_camera)
        val analysis = ImageAnalysis.Builder()
            .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
            .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
            .build()
        analysis.setAnalyzer(worker) { frame -> frame.use { tell(upright(it), ofCamera = true) } }
        val shown = Preview.Builder().build()
        shown.setSurfaceProvider(preview.surfaceProvider)
        cameras?.unbindAll()
        cameras?.bindToLifecycle(this, lens, shown, analysis)
    }

    private fun show(uri: Uri) {
        cameras?.unbindAll() // first, so that no frame's answer comes after the picture's
        picked = true
        val bitmap = decoded(uri)
        picture.setImageBitmap(bitmap)
        if (bitmap == null) answer.setText(R.string.no_picture) else worker.execute { tell(bitmap, ofCamera = false) }
    }

    /** A picture, at a half, a quarter, ... of its size where that is over [MOST] pixels; null: none can be read. */
    private fun decoded(uri: Uri): Bitmap? {
        val how = BitmapFactory.Options()
        fun read() = contentResolver.openInputStream(uri)?.use { BitmapFactory.decodeStream(it, null, how) }
        return try {
            how.inJustDecodeBounds = true
            read()
            how.inJustDecodeBounds = false
            how.inSampleSize = 1
            var pixels = how.outWidth.toLong() * how.outHeight
            while (pixels > MOST) {
                how.inSampleSize *= 2
                pixels /= 4
            }
            read()?.let { shown(it, uri) }
        } catch (error: IOException) {
            null
        }
    }

    /** A picture the way up that its EXIF data says: mirrored first, then turned clockwise. */
    private fun shown(bitmap: Bitmap, uri: Uri): Bitmap {
        val exif = contentResolver.openInputStream(uri)?.use { ExifInterface(it) } ?: return bitmap
        val turn = Matrix().apply {
            if (exif.isFlipped) postScale(-1f, 1f)
            postRotate(exif.rotationDegrees.toFloat())
        }
        return Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, turn, true)
    }

    /** Say what is on a picture, and draw it where there is something to draw. Runs on the worker. */
    private fun tell(bitmap: Bitmap, ofCamera: Boolean) {
        val argb = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(argb, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        val found = network.answer(Pixels(bitmap.width, bitmap.height, argb))
        val drawing = if (network.draws) drawn(bitmap, found) else null
        runOnUiThread {
            if (ofCamera == picked) return@runOnUiThread // by now another picture is shown
            answer.text = found.text
            drawing?.let { picture.setImageBitmap(it) }
        }
    }

    private fun upright(frame: ImageProxy): Bitmap {
        val bitmap = frame.toBitmap()
        val turn = Matrix().apply { postRotate(frame.imageInfo.rotationDegrees.toFloat()) }
        return Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, turn, true)
    }

    private companion object {
        const val MOST = 1 shl 24 // pixels of a picture: Android draws no bitmap of over 100 MB, four bytes each
    }
}
