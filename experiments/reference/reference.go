// Package reference holds the costs of the reference host: the calibration that every committed prediction is charged,
// so that predictions are the same bytes on every machine of the same architecture (math.Log and math.Exp may differ in
// the last digit between architectures; linux/amd64 is the one that is tested).
//
// It is one calibration, made right before the experiments were predicted and measured, at the time that it carries; but for
// marks without Green Tea, which want a build of their own and were measured in the minutes behind it.
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
