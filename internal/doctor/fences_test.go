package doctor

import (
	"strings"
	"testing"
)

func TestFencesOfVideoWorkersAreJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		fences Fences
		warned []string // how check and cure begin
	}{
		"all there":    {Fences{Seccomp: true, Landlock: 4}, nil},
		"no seccomp":   {Fences{Landlock: 1}, []string{"video seccomp use a kernel with CONFIG_SECCOMP_FILTER"}},
		"no landlock":  {Fences{Seccomp: true}, []string{"video landlock add landlock to lsm="}},
		"no namespace": {Fences{Seccomp: true, Landlock: 1, UserNamespaces: "user.max_user_namespaces is 0"}, []string{"video network namespace sysctl -w user.max_user_namespaces=1000"}},
	} {
		t.Run(name, func(t *testing.T) {
			var warned []string
			for _, f := range (Facts{Fences: tt.fences}).fences() {
				if f.Level != OK {
					warned = append(warned, f.Check+" "+f.Cure)
				}
			}
			if len(warned) != len(tt.warned) {
				t.Fatalf("warned of %q", warned)
			}
			for i, want := range tt.warned {
				if !strings.Contains(warned[i], want) {
					t.Errorf("warned of %q, want %q", warned[i], want)
				}
			}
		})
	}
}

func TestUserNamespacesAreForbiddenByOneOfSeveralSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		set  map[string]string
		want string
	}{
		"none set": {nil, ""},
		"allowed":  {map[string]string{"user.max_user_namespaces": "9", "kernel.unprivileged_userns_clone": "1"}, ""},
		"none":     {map[string]string{"user.max_user_namespaces": "0"}, "user.max_user_namespaces is 0"},
		"debian":   {map[string]string{"kernel.unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone is 0"},
		"ubuntu":   {map[string]string{"kernel.apparmor_restrict_unprivileged_userns": "1"}, "kernel.apparmor_restrict_unprivileged_userns is 1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := whyNoUserNamespace(func(name string) (string, bool) { v, ok := tt.set[name]; return v, ok })
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
