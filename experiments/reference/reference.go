// Package reference holds the costs of the reference host: the calibration that every committed prediction is charged,
// so that predictions are the same bytes on every machine of the same architecture (math.Log and math.Exp may differ in
// the last digit between architectures; linux/amd64 is the one that is tested).
//
// It is put together from calibrations of one day, 2026-11-23, so that what did not change stays the same bytes: the heap's costs,
// those of sending signals and of signals that are cold, and what a rested core costs who wakes it are of 20:22, marks without
// Green Tea of 15:17, all else of 12:16, which is the time that it carries.
package reference

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/gmplab/lab"
)

//go:embed cost.json
var file []byte

// Cost gives the costs of the reference host, as gmplab calibrate wrote them.
func Cost() (lab.Cost, error) {
	var c struct {
		Schema int
		Cost   lab.Cost
	}
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return lab.Cost{}, fmt.Errorf("experiments/reference/cost.json: %w; replace it by a file that gmplab calibrate wrote", err)
	}
	return c.Cost, nil
}
