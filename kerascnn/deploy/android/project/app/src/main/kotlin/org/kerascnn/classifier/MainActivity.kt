package org.kerascnn.classifier

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
import java.util.Locale
import java.util.concurrent.Executors

/** Says what the camera sees, or what is on a picture that is picked. */
class MainActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor()
    private lateinit var classifier: Classifier
    private lateinit var preview: PreviewView
    private lateinit var picture: ImageView
    private lateinit var answer: TextView

    private val permission = registerForActivityResult(ActivityResultContracts.RequestPermission()) { granted ->
        if (granted) startCamera()
    }
    private val picker = registerForActivityResult(ActivityResultContracts.GetContent()) { uri ->
        if (uri != null) show(uri)
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        classifier = Classifier(this)
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
        worker.execute { classifier.close() }
        worker.shutdown()
    }

    private fun askForCamera() {
        val held = ContextCompat.checkSelfPermission(this, Manifest.permission.CAMERA)
        if (held == PackageManager.PERMISSION_GRANTED) startCamera() else permission.launch(Manifest.permission.CAMERA)
    }

    private fun startCamera() {
        picture.setImageDrawable(null)
        val coming = ProcessCameraProvider.getInstance(this)
        coming.addListener({
            val analysis = ImageAnalysis.Builder()
                .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
                .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
                .build()
            analysis.setAnalyzer(worker) { frame -> frame.use { tell(upright(it)) } }
            val shown = Preview.Builder().build()
            shown.setSurfaceProvider(preview.surfaceProvider)
            val cameras = coming.get()
            cameras.unbindAll()
            cameras.bindToLifecycle(this, CameraSelector.DEFAULT_BACK_CAMERA, shown, analysis)
        }, ContextCompat.getMainExecutor(this))
    }

    private fun show(uri: Uri) {
        val coming = ProcessCameraProvider.getInstance(this)
        coming.addListener({ coming.get().unbindAll() }, ContextCompat.getMainExecutor(this))
        val bitmap = contentResolver.openInputStream(uri)?.use { BitmapFactory.decodeStream(it) } ?: return
        picture.setImageBitmap(bitmap)
        worker.execute { tell(bitmap) }
    }

    /** Runs on the worker. */
    private fun tell(bitmap: Bitmap) {
        val argb = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(argb, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        val best = classifier.classify(Pixels(bitmap.width, bitmap.height, argb))
        val text = best.joinToString("\n") { (label, score) -> String.format(Locale.ROOT, "%s  %.3f", label, score) }
        runOnUiThread { answer.text = text }
    }

    private fun upright(frame: ImageProxy): Bitmap {
        val bitmap = frame.toBitmap()
        val turn = Matrix().apply { postRotate(frame.imageInfo.rotationDegrees.toFloat()) }
        return Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, turn, true)
    }
}
