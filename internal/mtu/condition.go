package mtu

import (
	"errors"
	"fmt"
	"regexp"
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
}

const always = "always"

// conditionEnv declares the names that a condition may use. It costs milliseconds, and a table without conditions pays nothing.
var conditionEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.CrossTypeNumericComparisons(true),
		cel.Variable("province_id", cel.IntType),
		cel.Variable("isp", cel.StringType),
		cel.Variable("loss_rate", cel.DoubleType),
		cel.Variable("rtt_ms", cel.DoubleType),
	)
})

// ParseCondition reads "always" or a CEL expression over province_id, isp, loss_rate and rtt_ms in which a percentage
// ("6.5%") may stand for its ratio. An empty text is "always".
func ParseCondition(text string) (Condition, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == always {
		return Condition{}, nil
	}
	env, err := conditionEnv()
	if err != nil {
		return Condition{}, fmt.Errorf("prepare conditions: %w", err)
	}
	ast, issues := env.Compile(expandPercent(text))
	if err := issues.Err(); err != nil {
		return Condition{}, conditionError(text, issues.Errors()[0].Message)
	}
	if ast.OutputType() != cel.BoolType {
		return Condition{}, conditionError(text, "it is no comparison")
	}
	program, err := env.Program(ast)
	if err != nil {
		return Condition{}, conditionError(text, err.Error())
	}
	return Condition{text: text, program: program}, nil
}

func conditionError(text, reason string) error {
	return errors.New("condition " + fmt.Sprintf("%q", text) + ": " + reason +
		"; write \"always\" or a comparison of province_id, isp, loss_rate or rtt_ms, such as loss_rate > 6.5%")
}

// percent finds string literals, to leave them alone, and numbers followed by a percent sign that no operand follows:
// "7 % 2" is a remainder.
var percent = regexp.MustCompile(`"[^"]*"|'[^']*'|([0-9]+(?:\.[0-9]+)?)%(\s*(?:[^\s\w("'.-]|$))`)

func expandPercent(text string) string {
	return percent.ReplaceAllStringFunc(text, func(match string) string {
		parts := percent.FindStringSubmatch(match)
		if parts[1] == "" {
			return match
		}
		number := parts[1]
		if !strings.Contains(number, ".") {
			number += ".0"
		}
		return "(" + number + "/100.0)" + parts[2]
	})
}

// Holds reports whether the condition applies to a class. A condition that turns on something not measured yet does not.
func (c Condition) Holds(id class.ID, m Measured) bool {
	if c.program == nil {
		return true
	}
	vars := map[string]any{"province_id": int64(id.Province()), "isp": id.ISP().String()}
	if m.LossRate != nil {
		vars["loss_rate"] = *m.LossRate
	}
	if m.RTT != nil {
		vars["rtt_ms"] = *m.RTT
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
