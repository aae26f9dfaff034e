package org.kerascnn.app

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

/** The network, with what pictures go through before it sees them, and what is made of its outputs. */
class Network(context: Context, threads: Int = 4) : AutoCloseable {
    private val facts = Properties().apply { context.assets.open("network.properties").use { load(it) } }
    private val labels = context.assets.open("labels.txt").bufferedReader().readLines()
    private val names = facts.getProperty("outputs").split(",") // in the order in which the file gives them
    private val preprocess = Preprocess(facts)
    private val answers = Answers(labels, facts)
    private val interpreter = Interpreter(model(context), Interpreter.Options().setNumThreads(threads))

    /** Whether its answers are drawn, and not only told. */
    val draws get() = answers.draws

    /** What it says about a picture. */
    fun answer(picture: Pixels): Answer =
        answers.of(outputs(preprocess.values(picture)), preprocess.seen(picture.width, picture.height))

    /** Its outputs by name, from the normalised numbers of one picture. */
    fun outputs(values: FloatArray): Map<String, FloatArray> {
        val input = interpreter.getInputTensor(0)
        val entering = buffer(input)
        for (value in values) put(entering, value, input)
        entering.rewind()
        val leaving = names.indices.associateWith { buffer(interpreter.getOutputTensor(it)) }
        interpreter.runForMultipleInputsOutputs(arrayOf<Any>(entering), leaving)
        return names.withIndex().associate { (place, name) ->
            val output = interpreter.getOutputTensor(place)
            val buffer = leaving.getValue(place)
            buffer.rewind()
            name to FloatArray(output.numElements()) { get(buffer, output) }
        }
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
