/**
 * Added to a logit, it leaves that class out of a softmax, unless all others are about as far below it. Finite, since
 * 0 x infinity in a loss would be NaN, also on WebGL with 16-bit floats, of which the largest is 65504.
 */
export const leftOut = -6e4;
