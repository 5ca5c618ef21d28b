package main

import (
	"fmt"
	"slices"

	"quicedge/internal/adminsocket"
	"quicedge/internal/dataplane"
	"quicedge/internal/path"
)

// States of the data plane.
const (
	stateHealthy   = "healthy"
	stateDegraded  = "degraded"
	stateNotLoaded = "not-loaded"
)

// statusAnswer is the JSON answer of status. It and its parts are public: fields are added, never renamed.
type statusAnswer struct {
	APIVersion string          `json:"apiVersion"`
	State      string          `json:"state"`
	Problems   []trouble       `json:"problems"`
	PinDir     string          `json:"pin_dir"`
	Kernel     string          `json:"kernel"`
	Devices    []deviceStatus  `json:"devices"`
	Programs   []programStatus `json:"programs"`
	Ports      []uint16        `json:"ports"`
	Tables     tableStatus     `json:"tables"`
	Memory     uint64          `json:"memory_bytes"` // of all maps, tables among them
	Settings   *loadSettings   `json:"settings"`     // null where nobody may ask for them (CAP_SYS_ADMIN)
	Node       nodeStatus      `json:"node"`
	Traffic    traffic         `json:"traffic"`

	seen bool // whether the pins could be opened; else all that is in them is zero
}

type trouble struct {
	What string `json:"what"`
	Cure string `json:"cure"`
}

type deviceStatus struct {
	Interface string                `json:"interface"`
	Index     int                   `json:"index"` // 0 where it is gone
	State     dataplane.DeviceState `json:"state"`
	Mode      dataplane.Mode        `json:"mode"` // "tcx" or "clsact"
	Hooks     []hookStatus          `json:"hooks"`
}

type hookStatus struct {
	Hook      string `json:"hook"`
	ProgramID uint32 `json:"program_id"`
}

type programStatus struct {
	Name     string   `json:"name"`
	ID       uint32   `json:"id"`
	Tag      string   `json:"tag"`
	Attached []string `json:"attached"` // such as "eth0 ingress"
}

type tableStatus struct {
	Kind       dataplane.TableKind `json:"kind"`
	Generation uint64              `json:"generation"`
	IPv4       familyStatus        `json:"ipv4"`
	IPv6       familyStatus        `json:"ipv6"`
}

type familyStatus struct {
	Prefixes int    `json:"prefixes"`
	Memory   uint64 `json:"memory_bytes"`
}

type loadSettings struct {
	Screen        bool   `json:"screen"`
	ReflectErrors bool   `json:"reflect_errors"`
	Mark          string `json:"mark"`     // such as "0x3ff0000"; empty: off
	Priority      string `json:"priority"` // such as "1:"; empty: off
}

type nodeStatus struct {
	Running bool             `json:"running"` // one answers on the admin socket
	Holder  dataplane.Holder `json:"holder"`  // who keeps the data plane: "node", "none" or "unknown"
	Error   string           `json:"error,omitempty"`

	Loop *path.LoopAnswer `json:"loop"` // the loop that keeps the path profiles; null where no node runs

	Video *adminsocket.Video `json:"video"` // pipelines and models; null where no node runs
}

// traffic is of QUIC servers, since load, both ways.
type traffic struct {
	Packets   uint64  `json:"packets"`
	Unclassed uint64  `json:"unclassed_packets"` // of class 0: no prefix covers the client
	Share     float64 `json:"unclassed_share"`   // 0 to 1
}

func (s *statusAnswer) inspected(in dataplane.Inspection) {
	s.Devices, s.Ports, s.Memory, s.Node.Holder = devicesOf(in.Attachments), in.Ports, in.Memory, in.Holder
	s.Tables = tableStatus{in.Tables.Kind, in.Generation, familyStatus{in.Tables.IPv4.Prefixes, in.Tables.IPv4.Bytes}, familyStatus{in.Tables.IPv6.Prefixes, in.Tables.IPv6.Bytes}}
	for _, p := range in.Programs {
		one := programStatus{p.Name, p.ID, p.Tag, []string{}}
		for _, at := range in.Attachments {
			if at.ProgramID == p.ID && at.Device != dataplane.DeviceGone {
				one.Attached = append(one.Attached, at.Interface+" "+at.Hook)
			}
		}
		s.Programs = append(s.Programs, one)
	}
}

// devicesOf puts the hooks of a device together.
func devicesOf(attached []dataplane.AttachmentFacts) (devices []deviceStatus) {
	for _, at := range attached {
		i := slices.IndexFunc(devices, func(d deviceStatus) bool { return d.Interface == at.Interface })
		if i < 0 {
			i = len(devices)
			devices = append(devices, deviceStatus{Interface: at.Interface, Index: at.Index, State: at.Device, Mode: at.Mode})
		}
		if at.Device == dataplane.DeviceGone {
			devices[i].Index, devices[i].State = 0, at.Device
		}
		devices[i].Hooks = append(devices[i].Hooks, hookStatus{at.Hook, at.ProgramID})
	}
	return devices
}

func settingsOf(s dataplane.Settings) *loadSettings {
	out := loadSettings{Screen: !s.NoScreen, ReflectErrors: !s.Silent}
	if s.MarkMask != 0 {
		out.Mark = fmt.Sprintf("%#x", s.MarkMask)
	}
	if s.PriorityMajor != 0 {
		out.Priority = fmt.Sprintf("%x:", s.PriorityMajor)
	}
	return &out
}

func trafficOf(s dataplane.Stats) (t traffic) {
	for _, c := range s.Classes {
		t.Packets += c.Packets
		if c.Class == 0 {
			t.Unclassed += c.Packets
		}
	}
	if t.Packets > 0 {
		t.Share = float64(t.Unclassed) / float64(t.Packets)
	}
	return t
}
