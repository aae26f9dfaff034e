package org.kerascnn.app

import java.util.Locale
import java.util.Properties

/** The classes with the largest scores. Nothing here needs Android. */
class Answers(private val labels: List<String>, facts: Properties) {
    val draws = false
    private val count = facts.getProperty("count").toInt()

    fun of(outputs: Map<String, FloatArray>, seen: Area): Answer {
        val scores = outputs.getValue("scores")
        val best = scores.indices.sortedByDescending { scores[it] }.take(count)
        return Answer(best.joinToString("\n") { String.format(Locale.ROOT, "%s  %.3f", labels[it], scores[it]) })
    }
}
