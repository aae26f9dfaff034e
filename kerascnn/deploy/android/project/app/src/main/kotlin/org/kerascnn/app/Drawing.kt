package org.kerascnn.app

import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.RectF
import java.util.Locale
import kotlin.math.max

/** A picture with a mask and boxes on it, of which the surest lie on top. */
fun drawn(bitmap: Bitmap, answer: Answer): Bitmap {
    val drawn = bitmap.copy(Bitmap.Config.ARGB_8888, true)
    val canvas = Canvas(drawn)
    answer.mask?.let { mask ->
        val colours = Bitmap.createBitmap(mask.argb, mask.width, mask.height, Bitmap.Config.ARGB_8888)
        canvas.drawBitmap(colours, null, rectangle(mask.area), null)
    }
    val side = max(drawn.width, drawn.height).toFloat()
    val line = Paint().apply {
        style = Paint.Style.STROKE
        strokeWidth = max(2f, side / 200)
    }
    val letters = Paint(Paint.ANTI_ALIAS_FLAG).apply { textSize = max(10f, side / 30) }
    for (box in answer.boxes.asReversed()) {
        line.color = box.colour
        letters.color = box.colour
        val place = rectangle(box.area)
        canvas.drawRect(place, line)
        val name = String.format(Locale.ROOT, "%s %.0f%%", box.label, 100 * box.score)
        canvas.drawText(name, place.left, max(place.top - line.strokeWidth, letters.textSize), letters)
    }
    return drawn
}

private fun rectangle(area: Area) =
    RectF(area.left.toFloat(), area.top.toFloat(), area.right.toFloat(), area.bottom.toFloat())
