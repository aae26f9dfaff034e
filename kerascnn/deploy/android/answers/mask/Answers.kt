package org.kerascnn.app

import java.util.Locale
import java.util.Properties
import kotlin.math.roundToInt
import kotlin.math.sqrt

/** The class of every pixel, in the colours of the classes; the first is left as it is. Nothing here needs Android. */
class Answers(private val labels: List<String>, facts: Properties) {
    val draws = true
    private val count = facts.getProperty("count").toInt()
    private val strength = (255 * facts.getProperty("strength").toDouble()).roundToInt() shl 24
    private val colours = facts.getProperty("colours").split(",").map { it.toInt(16) }

    fun of(outputs: Map<String, FloatArray>, seen: Area): Answer {
        val scores = outputs.getValue("scores")
        val classes = IntArray(scores.size / labels.size) { best(scores, it * labels.size) }
        val side = sqrt(classes.size.toDouble()).roundToInt()
        val argb = IntArray(classes.size) { if (classes[it] == 0) 0 else strength or colours[classes[it]] }
        val pixels = IntArray(labels.size)
        for (number in classes) pixels[number]++
        val most = pixels.indices.filter { pixels[it] > 0 }.sortedByDescending { pixels[it] }.take(count)
        val text = most.joinToString("\n") {
            String.format(Locale.ROOT, "%s  %.1f%%", labels[it], 100.0 * pixels[it] / classes.size)
        }
        return Answer(text, mask = Mask(seen, side, side, argb))
    }

    /** The class with the largest of the scores from a place on, of equal ones the first. */
    private fun best(scores: FloatArray, start: Int): Int {
        var best = 0
        for (number in 1 until labels.size) if (scores[start + number] > scores[start + best]) best = number
        return best
    }
}
