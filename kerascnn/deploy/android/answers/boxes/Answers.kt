package org.kerascnn.app

import java.util.Locale
import java.util.Properties
import kotlin.math.max
import kotlin.math.min

/** The objects: of the boxes that overlap, and are of one class, the surest. Nothing here needs Android. */
class Answers(private val labels: List<String>, facts: Properties) {
    val draws = true
    private val size = facts.getProperty("size").toInt()
    private val count = facts.getProperty("count").toInt()
    private val least = facts.getProperty("least").toFloat()
    private val overlap = facts.getProperty("overlap").toFloat()
    private val candidates = facts.getProperty("candidates").toInt()
    private val most = facts.getProperty("most").toInt()
    private val colours = facts.getProperty("colours").split(",").map { it.toInt(16) or (255 shl 24) }

    fun of(outputs: Map<String, FloatArray>, seen: Area): Answer {
        val corners = outputs.getValue("boxes")
        val boxes = found(corners, outputs.getValue("scores")).map { (place, number, score) ->
            Box(area(corners, place, seen), labels[number], score, colours[number])
        }
        val text = boxes.take(count).joinToString("\n") {
            String.format(Locale.ROOT, "%s  %.3f", it.label, it.score)
        }
        return Answer(text, boxes)
    }

    private data class Found(val place: Int, val number: Int, val score: Float)

    /** The boxes that stand for an object each, the surest first. */
    private fun found(corners: FloatArray, scores: FloatArray): List<Found> {
        val sure = labels.indices.flatMap { number ->
            val of = (0 until scores.size / labels.size).map { Found(it, number, scores[it * labels.size + number]) }
            of.filter { it.score >= least }.sortedByDescending { it.score }.take(candidates)
        }
        val kept = mutableListOf<Found>()
        for (one in sure.sortedByDescending { it.score }) {
            if (kept.size == most) break
            if (kept.none { it.number == one.number && iou(corners, it.place, one.place) > overlap }) kept += one
        }
        return kept
    }

    /** Intersection over union of two boxes. */
    private fun iou(corners: FloatArray, one: Int, other: Int): Float {
        fun side(axis: Int, place: Int) = max(0f, corners[4 * place + axis + 2] - corners[4 * place + axis])
        fun shared(axis: Int) = max(
            0f,
            min(corners[4 * one + axis + 2], corners[4 * other + axis + 2]) -
                max(corners[4 * one + axis], corners[4 * other + axis]),
        )
        val both = shared(0) * shared(1)
        val all = side(0, one) * side(1, one) + side(0, other) * side(1, other) - both
        return if (all > 0) both / all else 0f
    }

    /** Where a box, in pixels of what the network sees, lies on the picture. */
    private fun area(corners: FloatArray, place: Int, seen: Area): Area {
        fun x(at: Int) = seen.left + corners[4 * place + at] * (seen.right - seen.left) / size
        fun y(at: Int) = seen.top + corners[4 * place + at] * (seen.bottom - seen.top) / size
        return Area(x(0), y(1), x(2), y(3))
    }
}
