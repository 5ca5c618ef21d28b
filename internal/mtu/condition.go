package mtu

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"

	"quicedge/internal/class"
)

// Measured is what the node has measured of a class. A nil field is not measured yet.
type Measured struct {
	LossRate *float64 // lost packets over sent ones, 0 to 1
	RTT      *float64 // milliseconds
}

// Condition says when a row applies. The zero value always does.
type Condition struct {
	text    string
	program cel.Program
	uses    measurements
}

// measurements are the names of measured values that a condition turns on.
type measurements struct{ loss, rtt bool }

const (
	always = "always"

	provinceName = "province_id"
	ispName      = "isp"
	lossName     = "loss_rate"
	rttName      = "rtt_ms"
)

// conditionEnv declares the names that a condition may use. It costs milliseconds, and a table without conditions pays nothing.
var conditionEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.CrossTypeNumericComparisons(true),
		cel.Variable(provinceName, cel.IntType),
		cel.Variable(ispName, cel.StringType),
		cel.Variable(lossName, cel.DoubleType),
		cel.Variable(rttName, cel.DoubleType),
	)
})

// ConditionError says what is wrong with a condition, and where.
type ConditionError struct {
	Text   string // as it was written, without surrounding blanks
	Offset int    // of the character that is wrong, in bytes from the start of Text
	Reason string
}

func (e *ConditionError) Error() string {
	return "condition " + fmt.Sprintf("%q", e.Text) + ": " + e.Reason +
		"; write \"always\" or a comparison of province_id, isp, loss_rate or rtt_ms, such as loss_rate > 6.5%"
}

// ParseCondition reads "always" or a CEL expression over province_id, isp, loss_rate and rtt_ms in which a percentage
// ("6.5%") may stand for its ratio. An empty text is "always". What is wrong with a text is a ConditionError.
func ParseCondition(text string) (Condition, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == always {
		return Condition{}, nil
	}
	env, err := conditionEnv()
	if err != nil {
		return Condition{}, fmt.Errorf("prepare conditions: %w", err)
	}
	in := expandPercent(text)
	ast, issues := env.Compile(in.text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return Condition{}, &ConditionError{text, in.offset(first.Location.Line(), first.Location.Column()), first.Message}
	}
	if ast.OutputType() != cel.BoolType {
		return Condition{}, &ConditionError{text, 0, "it is no comparison"}
	}
	uses, wrong := inspect(ast.NativeRep())
	if wrong != nil {
		return Condition{}, &ConditionError{text, in.offset(wrong.line, wrong.character), wrong.reason}
	}
	program, err := env.Program(ast)
	if err != nil {
		return Condition{}, &ConditionError{text, 0, err.Error()}
	}
	return Condition{text: text, program: program, uses: uses}, nil
}

// offsetOf returns where in the text of a condition an error stands, 0 for errors of other kinds.
func offsetOf(err error) int {
	var wrong *ConditionError
	if errors.As(err, &wrong) {
		return wrong.Offset
	}
	return 0
}

// Holds reports whether the condition applies to a class. A condition that turns on something not measured yet does not.
func (c Condition) Holds(id class.ID, m Measured) bool {
	if c.program == nil {
		return true
	}
	vars := map[string]any{provinceName: int64(id.Province()), ispName: id.ISP().String()}
	if m.LossRate != nil {
		vars[lossName] = *m.LossRate
	}
	if m.RTT != nil {
		vars[rttName] = *m.RTT
	}
	// An error is a name without a value: CEL has already let the other side of && and || decide where it could.
	result, _, err := c.program.Eval(vars)
	return err == nil && result.Value() == true
}

// String returns the condition as it was written.
func (c Condition) String() string {
	if c.program == nil {
		return always
	}
	return c.text
}
