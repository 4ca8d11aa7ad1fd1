//go:build !goexperiment.greenteagc

package calibrate

// oldMark tells whether this program marks as Go did before Green Tea.
const oldMark = true
