package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"quicedge/internal/config"
)

// app is one invocation: its environment, and the settings that its flags are bound to.
type app struct {
	env
	flags      config.Config // what flags say; settings() gives what holds
	configPath string
	format     string // -o
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, e env, args []string) int {
	a := &app{env: e, flags: config.Default()}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(e.stderr, "quicedge: "+err.Error())
	}
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "quicedge",
		Short: "HTTP/3 edge node that knows each client's province and ISP",
		Long: `QuicEdge serves HTTP/3 and sizes packets to the path of each client: its kernel data plane knows province and ISP.

Exit codes: 0 ok, 1 failed, 2 wrong usage or settings, 3 degraded, 4 not permitted, 5 kernel without a needed feature.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.InitDefaultVersionFlag() // else what follows --version is taken for its value
	root.SetVersionTemplate("quicedge {{.Version}}\n")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.PersistentFlags().StringVar(&a.configPath, "config", "", "settings (default "+config.DefaultPath+" where it exists)")
	a.flags.StateFlags(root.PersistentFlags())
	root.AddCommand(a.runCmd(), a.agentCmd(), a.checkCmd(), a.reloadCmd(), a.upgradeCmd(), a.loadCmd(), a.unloadCmd(), a.lookupCmd(), a.statusCmd(), a.statsCmd(), a.topCmd(), a.doctorCmd(), a.mtuCmd(), a.prefixCmd(), a.keysCmd(), a.processCmd(), a.modelsCmd(), a.pipelinesCmd(), a.versionCmd())
	for _, cmd := range root.Commands() {
		checkArgs(cmd)
	}
	return root
}

// checkArgs makes errors about arguments errors of usage.
func checkArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}

// settings reads file and environment below the flags that were given.
func (a *app) settings(cmd *cobra.Command) (config.Config, error) {
	return config.Load(config.Source{Path: a.configPath, Environ: a.environ, Flags: cmd.Flags()})
}
