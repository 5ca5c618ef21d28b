package models

import "testing"

func TestEveryModelMatchesItsManifest(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Name == "" || m.Version < 1 || len(m.ONNX) == 0 || len(m.Inputs) == 0 || len(m.Outputs) == 0 {
			t.Errorf("incomplete entry: %+v", m)
		}
		if got, err := Lookup(m.Name); err != nil || got.File != m.File {
			t.Errorf("Lookup(%s) = %s, %v", m.Name, got.File, err)
		}
	}
}

func TestLookupOfAnUnknownModelFails(t *testing.T) {
	if _, err := Lookup("nobody"); err == nil {
		t.Fatal("Lookup found a model that does not exist")
	}
}
