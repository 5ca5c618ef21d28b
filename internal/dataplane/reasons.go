package dataplane

import "quicedge/bpf"

// Reasons returns the names of the reasons that ReasonStats may have.
func Reasons() ([]string, error) {
	spec, err := bpf.LoadDataplane()
	if err != nil {
		return nil, err
	}
	return names(spec, "reason")
}
