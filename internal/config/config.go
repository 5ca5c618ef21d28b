// Package config reads the node's settings: quicedge.yaml, the environment above it, flags above both.
package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Config is every setting. quicedge.yaml says what each one does.
type Config struct {
	Region       string        `yaml:"region" env:"REGION"`
	Listen       string        `yaml:"listen" env:"LISTEN"`
	Workers      int           `yaml:"workers" env:"WORKERS"`
	Admin        string        `yaml:"admin" env:"ADMIN"`
	Cert         string        `yaml:"cert" env:"CERT"`
	Key          string        `yaml:"key" env:"KEY"`
	ACME         string        `yaml:"acme" env:"ACME"` // ACMEDomains reads it
	ACMEEmail    string        `yaml:"acme_email" env:"ACME_EMAIL"`
	ACMECA       string        `yaml:"acme_ca" env:"ACME_CA"`
	TicketKeys   string        `yaml:"ticket_keys" env:"TICKET_KEYS"`
	ZeroRTT      bool          `yaml:"zero_rtt" env:"ZERO_RTT"`
	Root         string        `yaml:"root" env:"ROOT"`
	Iface        string        `yaml:"iface" env:"IFACE"`
	Ports        string        `yaml:"ports" env:"PORTS"`
	Table        string        `yaml:"table" env:"TABLE"`
	Prefixes     string        `yaml:"prefixes" env:"PREFIXES"`
	StateDir     string        `yaml:"state_dir" env:"STATE_DIR"`
	PinDir       string        `yaml:"pin_dir" env:"PIN_DIR"`
	NATTimeout   string        `yaml:"nat_timeout" env:"NAT_TIMEOUT"` // NATTimeouts reads it
	DrainTimeout time.Duration `yaml:"drain_timeout" env:"DRAIN_TIMEOUT"`
	KeepTimeout  time.Duration `yaml:"keep_timeout" env:"KEEP_TIMEOUT"`
	LogLevel     string        `yaml:"log_level" env:"LOG_LEVEL"`
	LogFormat    string        `yaml:"log_format" env:"LOG_FORMAT"`
	AccessLog    bool          `yaml:"access_log" env:"ACCESS_LOG"`

	LimitConn             int `yaml:"limit_conn" env:"LIMIT_CONN"`
	LimitConnPrefix       int `yaml:"limit_conn_prefix" env:"LIMIT_CONN_PREFIX"`
	LimitHandshakes       int `yaml:"limit_handshakes" env:"LIMIT_HANDSHAKES"`
	LimitHandshakesPrefix int `yaml:"limit_handshakes_prefix" env:"LIMIT_HANDSHAKES_PREFIX"`
	LimitPrefixIPv4       int `yaml:"limit_prefix_ipv4" env:"LIMIT_PREFIX_IPV4"` // bits
	LimitPrefixIPv6       int `yaml:"limit_prefix_ipv6" env:"LIMIT_PREFIX_IPV6"`
	LimitStreams          int `yaml:"limit_streams" env:"LIMIT_STREAMS"`
	LimitHeaderKiB        int `yaml:"limit_header_kib" env:"LIMIT_HEADER_KIB"`

	AttachMode string `yaml:"attach_mode" env:"ATTACH_MODE"`
	TableKind  string `yaml:"table_kind" env:"TABLE_KIND"`
	Screen     bool   `yaml:"screen" env:"SCREEN"`
	Mark       string `yaml:"mark" env:"MARK"`         // MarkMask reads it
	Priority   string `yaml:"priority" env:"PRIORITY"` // PriorityMajor reads it

	Tick              time.Duration `yaml:"tick" env:"TICK"`
	MeasureHalfLife   time.Duration `yaml:"measure_half_life" env:"MEASURE_HALF_LIFE"`
	MeasureExpire     time.Duration `yaml:"measure_expire" env:"MEASURE_EXPIRE"`
	MeasureMinSamples int           `yaml:"measure_min_samples" env:"MEASURE_MIN_SAMPLES"`
	MeasureMinPackets int           `yaml:"measure_min_packets" env:"MEASURE_MIN_PACKETS"`
	ConditionMargin   int           `yaml:"condition_margin_percent" env:"CONDITION_MARGIN_PERCENT"`
	ConditionDwell    time.Duration `yaml:"condition_dwell" env:"CONDITION_DWELL"`
	LearnWindow       time.Duration `yaml:"learn_window" env:"LEARN_WINDOW"`
	LearnRaiseAfter   time.Duration `yaml:"learn_raise_after" env:"LEARN_RAISE_AFTER"`
	LearnMinNetworks  int           `yaml:"learn_min_networks" env:"LEARN_MIN_NETWORKS"`
	LearnMinSamples   int           `yaml:"learn_min_samples" env:"LEARN_MIN_SAMPLES"`

	VideoWorker       string        `yaml:"video_worker" env:"VIDEO_WORKER"`
	VideoWorkers      int           `yaml:"video_workers" env:"VIDEO_WORKERS"`
	Pipelines         string        `yaml:"pipelines" env:"PIPELINES"`
	Models            string        `yaml:"models" env:"MODELS"`
	VideoQueue        int           `yaml:"video_queue" env:"VIDEO_QUEUE"`
	VideoTimeout      time.Duration `yaml:"video_timeout" env:"VIDEO_TIMEOUT"`
	VideoPublic       bool          `yaml:"video_public" env:"VIDEO_PUBLIC"`
	VideoMaxUploadMiB int64         `yaml:"video_max_upload_mib" env:"VIDEO_MAX_UPLOAD_MIB"`
}

// Values of Iface that are no device names.
const (
	IfaceAuto = "auto" // the device of the default route
	IfaceNone = "none" // no data plane
)

// Default returns the settings of a node without configuration.
func Default() Config {
	return Config{
		Region: "local", Listen: ":443", Admin: "127.0.0.1:8080", Iface: IfaceAuto,
		StateDir: "/var/lib/quicedge", PinDir: "/sys/fs/bpf/quicedge", NATTimeout: "30s", DrainTimeout: 30 * time.Second, KeepTimeout: 10 * time.Minute,
		LogLevel: "info", LogFormat: "auto", ZeroRTT: true,
		LimitConn: 100_000, LimitConnPrefix: 20_000, LimitHandshakes: 10_000, LimitHandshakesPrefix: 2000,
		LimitPrefixIPv4: 24, LimitPrefixIPv6: 48, LimitStreams: 100, LimitHeaderKiB: 64,
		AttachMode: "auto", TableKind: "dir", Screen: true,
		Tick: time.Second, MeasureHalfLife: time.Minute, MeasureExpire: 5 * time.Minute, MeasureMinSamples: 20, MeasureMinPackets: 1000,
		ConditionMargin: 10, ConditionDwell: 10 * time.Second,
		LearnWindow: 30 * time.Minute, LearnRaiseAfter: 10 * time.Minute, LearnMinNetworks: 3, LearnMinSamples: 5,
		VideoQueue: 16, VideoTimeout: 10 * time.Minute, VideoPublic: true, VideoMaxUploadMiB: 2048,
	}
}

// StateFlags binds the flags that say where state lies, which every command has.
func (c *Config) StateFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.StateDir, "state-dir", c.StateDir, "folder of overrides, last good table and admin socket")
	fs.StringVar(&c.PinDir, "pin-dir", c.PinDir, "folder of pinned maps, programs and links")
}

// PortsFlag binds the flag that names UDP ports. What an empty list means is the command's to say.
func (c *Config) PortsFlag(fs *pflag.FlagSet, usage string) {
	fs.StringVar(&c.Ports, "ports", c.Ports, usage)
}

// UDPPorts reads the list of ports, "443,8443".
func (c Config) UDPPorts() ([]uint16, error) {
	var ports []uint16
	for _, text := range strings.FieldsFunc(c.Ports, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("port %s: use 1 to 65535, such as 443,8443", text)
		}
		ports = append(ports, uint16(n))
	}
	return ports, nil
}

// TableFlags binds the flags that name the tables.
func (c *Config) TableFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.Table, "table", c.Table, "CSV of path MTUs by class (default: the table in the program)")
	fs.StringVar(&c.Prefixes, "prefixes", c.Prefixes, "CSV that gives address prefixes to classes")
}

// VideoFlags binds the flags of the video workers.
func (c *Config) VideoFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.VideoWorker, "video-worker", c.VideoWorker, "the quicedge-video program (default: next to this one)")
	fs.StringVar(&c.Pipelines, "pipelines", c.Pipelines, "YAML file of video pipelines, on top of those in the program")
	fs.StringVar(&c.Models, "models", c.Models, "folder of models with a manifest.json, on top of those in the program")
	fs.IntVar(&c.VideoWorkers, "video-workers", c.VideoWorkers, "video workers, a stream each (0: two a CPU, as memory allows)")
	fs.Var((*duration)(&c.VideoTimeout), "video-timeout", "the longest that one stream may take")
}

// HostFlags binds the flags of whatever runs on a host for good.
func (c *Config) HostFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.Region, "region", c.Region, "where this node stands; in every log line")
	fs.StringVar(&c.Admin, "admin", c.Admin, "address for operators, plain HTTP")
	fs.StringVar(&c.Iface, "iface", c.Iface, "interfaces of the data plane, such as eth0,eth1; \"auto\" or \"none\"")
	fs.StringVar(&c.LogLevel, "log-level", c.LogLevel, "debug, info, warn or error")
	fs.StringVar(&c.LogFormat, "log-format", c.LogFormat, "text, json or auto")
}

// NodeFlags binds the flags of a running node but for those above.
func (c *Config) NodeFlags(fs *pflag.FlagSet) {
	c.HostFlags(fs)
	c.LoopFlags(fs)
	fs.StringVar(&c.Listen, "listen", c.Listen, "address for clients, UDP and TCP")
	fs.IntVar(&c.Workers, "workers", c.Workers, "workers that share the clients' port (0: one a CPU)")
	fs.StringVar(&c.Cert, "cert", c.Cert, "certificate chain, PEM (default: self-signed)")
	fs.StringVar(&c.Key, "key", c.Key, "private key, PEM")
	fs.StringVar(&c.ACME, "acme", c.ACME, "domains to get certificates for, by ACME, such as edge.example,www.edge.example")
	fs.StringVar(&c.TicketKeys, "ticket-keys", c.TicketKeys, "key file of session tickets that nodes share (default: one of the node's own in the state folder)")
	fs.BoolVar(&c.ZeroRTT, "zero-rtt", c.ZeroRTT, "take requests of safe methods with the first datagrams of clients that come back")
	fs.BoolVar(&c.AccessLog, "access-log", c.AccessLog, "log every request, not only video and failures")
	fs.StringVar(&c.Root, "root", c.Root, "folder whose files are served")
	c.PortsFlag(fs, "UDP ports of other QUIC servers on this host that the data plane serves too, such as 8443,9443")
	fs.Var((*duration)(&c.DrainTimeout), "drain-timeout", "how long requests may take to end after SIGTERM")
	fs.Var((*duration)(&c.KeepTimeout), "keep-timeout", "how long a process keeps its connections when another has taken over")
}
