package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Estate is what this process was given by the one whose place it takes.
type Estate struct {
	conn   *net.UnixConn
	files  map[string]*os.File
	values map[string]string
}

// Receive takes what the process before gives; nil where this process was not started to take a place. It takes the variable out of the
// environment, so that no child believes it is meant.
func Receive() (*Estate, error) {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return nil, nil
	}
	if err := os.Unsetenv(variable); err != nil {
		return nil, err
	}
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("%s=%s: not a descriptor: unset it", variable, text)
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "handover")
	defer f.Close()
	conn, err := packets(f)
	if err != nil {
		return nil, fmt.Errorf("%s=%d: %w: unset it", variable, fd, err)
	}
	e := &Estate{conn: conn, files: map[string]*os.File{}}
	if err := e.receive(); err != nil {
		return nil, errors.Join(fmt.Errorf("take over from the process before: %w", err), e.Close())
	}
	return e, nil
}

func (e *Estate) receive() error {
	buf, oob := make([]byte, maxWords), make([]byte, unix.CmsgSpace(4))
	for {
		n, oobn, _, _, err := e.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return err
		}
		word, rest, _ := strings.Cut(string(buf[:n]), " ")
		switch word {
		case "end":
			return json.Unmarshal([]byte(rest), &e.values)
		case "give":
			if e.files[rest], err = received(rest, oob[:oobn]); err != nil {
				return fmt.Errorf("%s: %w", rest, err)
			}
		default:
			return fmt.Errorf("it said %q: it is of another version, or has died", buf[:n])
		}
	}
}

func received(name string, oob []byte) (*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	if len(messages) != 1 {
		return nil, errors.New("no descriptor came with it")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), name), nil
}

// Value is a text that was given; empty where none was.
func (e *Estate) Value(name string) string { return e.values[name] }

// Take returns a file that was given and leaves it to the caller; nil where none was.
func (e *Estate) Take(name string) *os.File {
	f := e.files[name]
	delete(e.files, name)
	return f
}

// Listener returns a listening socket that was given.
func (e *Estate) Listener(name string) (net.Listener, error) {
	f := e.Take(name)
	if f == nil {
		return nil, fmt.Errorf("take over from the process before: it has not given %s", name)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over %s: %w", name, err)
	}
	return l, nil
}

// Datagrams returns a UDP socket that was given; nil where none was.
func (e *Estate) Datagrams(name string) (*net.UDPConn, error) {
	f := e.Take(name)
	if f == nil {
		return nil, nil
	}
	defer f.Close()
	conn, err := net.FilePacketConn(f)
	if err != nil {
		return nil, fmt.Errorf("take over %s: %w", name, err)
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("take over %s: it is a %T, no UDP socket", name, conn), conn.Close())
	}
	return udp, nil
}

// Packets returns a Unix socket of packets that was given; nil where none was.
func (e *Estate) Packets(name string) (*net.UnixConn, error) {
	f := e.Take(name)
	if f == nil {
		return nil, nil
	}
	defer f.Close()
	conn, err := packets(f)
	if err != nil {
		return nil, fmt.Errorf("take over %s: %w", name, err)
	}
	return conn, nil
}

// Ready says that this process could take over, and returns when it shall: when the one before says so, or is dead.
func (e *Estate) Ready() {
	if _, err := e.conn.Write([]byte("ready")); err != nil {
		return // dead
	}
	e.conn.Read(make([]byte, 8)) // "go", or dead
}

// Fail says why this process cannot take over. Close comes next.
func (e *Estate) Fail(why error) {
	text := "failed " + why.Error()
	e.conn.Write([]byte(text[:min(len(text), maxWords)])) // who does not hear it is dead
}

// Serving says that this process has taken over. What has not been taken is closed.
func (e *Estate) Serving() error {
	e.conn.Write([]byte("serving")) // who does not hear it is dead
	return e.Close()
}

// Close closes the socket, by which the process before knows that this one does not take over, and what has not been taken.
func (e *Estate) Close() error {
	err := e.conn.Close()
	for _, f := range e.files {
		err = errors.Join(err, f.Close())
	}
	clear(e.files)
	return err
}
