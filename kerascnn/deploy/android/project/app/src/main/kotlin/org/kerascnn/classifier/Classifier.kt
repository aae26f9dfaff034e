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

    /** A number as the tensor holds it: an integer's scale of 0 says that it stands for itself. */
    private fun put(buffer: ByteBuffer, value: Float, tensor: Tensor) {
        val how = tensor.quantizationParams()
        val level = round((if (how.scale == 0f) value else value / how.scale).toDouble()).toInt() + how.zeroPoint
        when (tensor.dataType()) {
            DataType.FLOAT32 -> buffer.putFloat(value)
            DataType.INT8 -> buffer.put(level.coerceIn(-128, 127).toByte())
            DataType.UINT8 -> buffer.put(level.coerceIn(0, 255).toByte())
            DataType.INT16 -> buffer.putShort(level.coerceIn(-32768, 32767).toShort())
            else -> error("The network takes ${tensor.dataType()}.")
        }
    }

    private fun get(buffer: ByteBuffer, tensor: Tensor): Float {
        val level = when (tensor.dataType()) {
            DataType.FLOAT32 -> return buffer.getFloat()
            DataType.INT8 -> buffer.get().toInt()
            DataType.UINT8 -> buffer.get().toInt() and 255
            DataType.INT16 -> buffer.getShort().toInt()
            else -> error("The network gives ${tensor.dataType()}.")
        }
        val how = tensor.quantizationParams()
        return (level - how.zeroPoint) * how.scale
    }

    private fun model(context: Context): ByteBuffer = context.assets.openFd("model.tflite").use { asset ->
        FileInputStream(asset.fileDescriptor).use {
            it.channel.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.declaredLength)
        }
    }
}
