package org.kerascnn.app

/** What the network says about a picture, and what is drawn on it. */
class Answer(val text: String, val boxes: List<Box> = emptyList(), val mask: Mask? = null)

/** A part of a picture, in its pixels. */
class Area(val left: Double, val top: Double, val right: Double, val bottom: Double)

/** Where an object is, and what it is; the colour is 0xAARRGGBB. */
class Box(val area: Area, val label: String, val score: Float, val colour: Int)

/** A colour, 0xAARRGGBB, for each of width x height places of an area, row by row. */
class Mask(val area: Area, val width: Int, val height: Int, val argb: IntArray)
