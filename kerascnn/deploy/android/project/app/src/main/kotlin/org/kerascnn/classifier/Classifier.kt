package org.kerascnn.classifier

import android.content.Context
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import java.util.Properties
import kotlin.math.round
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/** The network, with the names of its classes and what pictures go through before it sees them. */
class Classifier(context: Context, threads: Int = 4) : AutoCloseable {
    val labels: List<String> = context.assets.open("labels.txt").bufferedReader().readLines()
    val preprocess = Preprocess(Properties().apply { context.assets.open("preprocess.properties").use { load(it) } })
    private val interpreter = Interpreter(model(context), Interpreter.Options().setNumThreads(threads))

    /** The names of the best classes, with their scores. */
    fun classify(picture: Pixels, count: Int = 3): List<Pair<String, Float>> {
        val scores = scores(preprocess.values(picture))
        return scores.indices.sortedByDescending { scores[it] }.take(count).map { labels[it] to scores[it] }
    }

    /** One score for each class, from the normalised numbers of one picture. */
    fun scores(values: FloatArray): FloatArray {
        val input = interpreter.getInputTensor(0)
        val output = interpreter.getOutputTensor(0)
        val entering = buffer(input)
        for (value in values) put(entering, value, input)
        val leaving = buffer(output)
        entering.rewind()
        interpreter.run(entering, leaving)
        leaving.rewind()
        return FloatArray(output.numElements()) { get(leaving, output) }
    }

    override fun close() = interpreter.close()

    private fun buffer(tensor: Tensor) = ByteBuffer.allocateDirect(tensor.numBytes()).order(ByteOrder.nativeOrder())

    private fun put(buffer: ByteBuffer, value: Float, tensor: Tensor) {
        if (tensor.dataType() == DataType.FLOAT32) {
            buffer.putFloat(value)
            return
        }
        val how = tensor.quantizationParams()
        val least = if (tensor.dataType() == DataType.UINT8) 0 else -128
        val level = round((value / how.scale).toDouble()).toInt() + how.zeroPoint
        buffer.put(level.coerceIn(least, least + 255).toByte())
    }

    private fun get(buffer: ByteBuffer, tensor: Tensor): Float {
        if (tensor.dataType() == DataType.FLOAT32) return buffer.getFloat()
        val how = tensor.quantizationParams()
        val level = buffer.get().toInt()
        return ((if (tensor.dataType() == DataType.UINT8) level and 255 else level) - how.zeroPoint) * how.scale
    }

    private fun model(context: Context): ByteBuffer = context.assets.openFd("model.tflite").use { asset ->
        FileInputStream(asset.fileDescriptor).use {
            it.channel.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.declaredLength)
        }
    }
}
