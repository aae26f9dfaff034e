package org.kerascnn.app

import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Properties
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith

/** The phone computes what LiteRT computed on the machine that wrote this project. */
@RunWith(AndroidJUnit4::class)
class GoldenTest {
    private val instrumentation = InstrumentationRegistry.getInstrumentation()
    private val golden = instrumentation.context.assets // of the test, beside it

    @Test
    fun outputsAreThoseOfTheHost() {
        val facts = Properties().apply { golden.open("golden.properties").use { load(it) } }
        val count = facts.getProperty("count").toInt()
        val inputs = floats("inputs.bin")
        Network(instrumentation.targetContext).use { network ->
            for (image in 0 until count) {
                val outputs = network.outputs(part(inputs, image, count))
                assertEquals(facts.getProperty("outputs").split(",").toSet(), outputs.keys)
                for ((name, values) in outputs) {
                    val tolerance = facts.getProperty("tolerance.$name").toFloat()
                    val wanted = part(floats("$name.bin"), image, count)
                    assertArrayEquals("$name of image $image", wanted, values, tolerance)
                }
            }
        }
    }

    private fun part(values: FloatArray, image: Int, count: Int): FloatArray {
        val each = values.size / count
        return values.copyOfRange(image * each, (image + 1) * each)
    }

    private fun floats(name: String): FloatArray {
        val bytes = golden.open(name).use { it.readBytes() }
        val values = FloatArray(bytes.size / 4)
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values)
        return values
    }
}
