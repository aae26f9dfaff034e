package org.kerascnn.app

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Properties
import org.junit.Assert.assertArrayEquals
import org.junit.Test

/** A picture becomes the numbers that it became in training. Runs on any machine: gradle test. */
class PreprocessTest {
    @Test
    fun numbersAreThoseOfTraining() {
        val facts = Properties().apply { File("src/main/assets/network.properties").inputStream().use { load(it) } }
        val photo = Properties().apply { resource("photo.properties").inputStream().use { load(it) } }
        val bytes = resource("photo.bin")
        val argb = IntArray(bytes.size / 3) {
            (bytes[3 * it].toInt() and 255 shl 16) or
                (bytes[3 * it + 1].toInt() and 255 shl 8) or
                (bytes[3 * it + 2].toInt() and 255)
        }
        val picture = Pixels(photo.getProperty("width").toInt(), photo.getProperty("height").toInt(), argb)
        val expected = resource("values.bin")
        val wanted = FloatArray(expected.size / 4)
        ByteBuffer.wrap(expected).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(wanted)
        val std = facts.getProperty("std").split(",").minOf { it.toFloat() }
        val near = 0.01f / 255 / std // a hundredth of a level of 0..255
        assertArrayEquals(wanted, Preprocess(facts).values(picture), near)
    }

    private fun resource(name: String): ByteArray = javaClass.getResourceAsStream("/$name")!!.use { it.readBytes() }
}
