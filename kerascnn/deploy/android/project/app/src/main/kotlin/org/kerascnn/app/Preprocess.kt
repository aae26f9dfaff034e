package org.kerascnn.app

import java.util.Properties
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round

/** A picture, row by row; each pixel as Android packs it, 0xAARRGGBB. */
class Pixels(val width: Int, val height: Int, val argb: IntArray)

/**
 * What a picture goes through before the network sees it, as it did in training: resized so that every pixel counts,
 * cut, scaled and normalised. Read from network.properties. Nothing here needs Android.
 */
class Preprocess(facts: Properties) {
    val size = facts.getProperty("size").toInt()
    val channels: Int
    private val short = facts.getProperty("short").toInt()
    private val squash = facts.getProperty("squash").toBoolean()
    private val interpolation: String = facts.getProperty("interpolation")
    private val mean = numbers(facts.getProperty("mean"))
    private val std = numbers(facts.getProperty("std"))

    init {
        channels = mean.size
    }

    /** The part of a picture of width x height pixels that the network sees. */
    fun seen(width: Int, height: Int): Area {
        val (wide, high) = resized(width, height)
        val (left, top) = corner(wide, high)
        val (across, down) = Pair(width.toDouble() / wide, height.toDouble() / high)
        return Area(left * across, top * down, (left + size) * across, (top + size) * down)
    }

    /** Width and height of a picture before it is cut. */
    private fun resized(width: Int, height: Int): Pair<Int, Int> {
        val least = min(width, height)
        return if (squash) Pair(size, size) else Pair(short * width / least, short * height / least)
    }

    /** Left and top of the cut. */
    private fun corner(width: Int, height: Int) =
        Pair(round((width - size) / 2.0).toInt(), round((height - size) / 2.0).toInt())

    /** The network's input: size x size x channels numbers, row by row. */
    fun values(picture: Pixels): FloatArray {
        val (width, height) = resized(picture.width, picture.height)
        val (left, top) = corner(width, height)
        val rows = weights(picture.height, height).subList(top, top + size)
        val columns = weights(picture.width, width).subList(left, left + size)
        val values = FloatArray(size * size * channels)
        for (channel in 0 until channels) {
            val narrow = DoubleArray(picture.height * size)
            for (y in 0 until picture.height) for (x in 0 until size) {
                narrow[y * size + x] = columns[x].sum { level(picture.argb[y * picture.width + it], channel) }
            }
            for (y in 0 until size) for (x in 0 until size) {
                val pixel = rows[y].sum { narrow[it * size + x] }
                values[(y * size + x) * channels + channel] = ((pixel / 255 - mean[channel]) / std[channel]).toFloat()
            }
        }
        return values
    }

    /** One colour of a pixel, 0..255; of a network of one channel, its brightness. */
    private fun level(pixel: Int, channel: Int): Double {
        val red = pixel shr 16 and 255
        val green = pixel shr 8 and 255
        val blue = pixel and 255
        return when {
            channels == 1 -> floor((0.2989 * red + 0.587 * green + 0.114 * blue) / 255 * 255.5)
            channel == 0 -> red.toDouble()
            channel == 1 -> green.toDouble()
            else -> blue.toDouble()
        }
    }

    /** How much each old place gives to each new one. */
    private fun weights(old: Int, new: Int): List<Share> {
        if (interpolation == "nearest") {
            val step = old.toFloat() / new // in training's precision: where a place falls between two, it decides
            return List(new) { Share(min(floor((it + 0.5f) * step).toInt(), old - 1), doubleArrayOf(1.0)) }
        }
        val step = old.toDouble() / new
        val cubic = interpolation == "bicubic"
        val wide = max(step, 1.0) // where the picture shrinks, the kernel is as much wider
        val reach = (if (cubic) 2 else 1) * wide
        return List(new) {
            val centre = (it + 0.5) * step
            val first = max(ceil(centre - reach - 0.5).toInt(), 0)
            val last = min(floor(centre + reach - 0.5).toInt(), old - 1)
            val shares = DoubleArray(last - first + 1) { place ->
                val distance = (first + place + 0.5 - centre) / wide
                if (cubic) bicubic(distance) else bilinear(distance)
            }
            val total = shares.sum()
            Share(first, DoubleArray(shares.size) { place -> shares[place] / total })
        }
    }

    private class Share(val first: Int, val shares: DoubleArray) {
        inline fun sum(value: (Int) -> Double): Double {
            var total = 0.0
            for (place in shares.indices) total += shares[place] * value(first + place)
            return total
        }
    }

    private fun numbers(text: String) = text.split(",").map { it.toDouble() }
}

private fun bilinear(distance: Double) = max(0.0, 1 - abs(distance))

private fun bicubic(distance: Double): Double {
    val x = abs(distance)
    return when {
        x < 1 -> (1.5 * x - 2.5) * x * x + 1
        x < 2 -> ((-0.5 * x + 2.5) * x - 4) * x + 2
        else -> 0.0
    }
}
