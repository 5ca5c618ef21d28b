package adminsocket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"

	"quicedge/internal/class"
	"quicedge/internal/path"
)

// ErrNoNode is returned where no node answers on the socket.
var ErrNoNode = errors.New("no node is running with this state folder")

// maxAnswer is more than any answer: one row of two tables of 4096 is a few hundred bytes.
const maxAnswer = 16 << 20

// Client asks a running node.
type Client struct {
	http *http.Client
}

// Dial returns a client of the socket. Nothing is connected before the first call.
func Dial(name string) Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", name)
	}
	return Client{&http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 2 * time.Minute}}
}

// Reload makes the node read its sources again. An error other than ErrNoNode is the node's: it kept what it had.
func (c Client) Reload(ctx context.Context) (changed int, err error) {
	var out reloaded
	err = c.call(ctx, http.MethodPost, "/v1/reload", &out)
	return out.Changed, err
}

// Upgrade makes the node start a program in its place, its own file where the name is empty. It returns when that takes new connections. An
// error other than ErrNoNode is the node's, which goes on.
func (c Client) Upgrade(ctx context.Context, program string) (pid int, err error) {
	body, err := json.Marshal(upgrade{program})
	if err != nil {
		return 0, err
	}
	var out upgraded
	err = c.send(ctx, http.MethodPost, "/v1/upgrade", bytes.NewReader(body), &out)
	return out.PID, err
}

// Lookup asks the node for the class of an address.
func (c Client) Lookup(ctx context.Context, addr netip.Addr) (path.Answer, error) {
	var out path.Answer
	err := c.call(ctx, http.MethodGet, "/v1/lookup?address="+url.QueryEscape(addr.String()), &out)
	return out, err
}

// Of asks the node for what holds for a class.
func (c Client) Of(ctx context.Context, id class.ID) (path.Answer, error) {
	var out path.Answer
	err := c.call(ctx, http.MethodGet, fmt.Sprintf("/v1/class?class=%d", id), &out)
	return out, err
}

// Explain asks the node why an address gets its MTU.
func (c Client) Explain(ctx context.Context, addr netip.Addr) (path.Explained, error) {
	var out path.Explained
	err := c.call(ctx, http.MethodGet, "/v1/explain?address="+url.QueryEscape(addr.String()), &out)
	return out, err
}

// Rows asks the node for its overrides and its table.
func (c Client) Rows(ctx context.Context) ([]path.RowAnswer, error) {
	var out listed
	err := c.call(ctx, http.MethodGet, "/v1/rows", &out)
	return out.Rows, err
}

// Learned asks the node what it has learned, by class.
func (c Client) Learned(ctx context.Context) ([]path.LearnedAnswer, error) {
	var out learned
	err := c.call(ctx, http.MethodGet, "/v1/learned", &out)
	return out.Classes, err
}

// Loop asks the node how its loop does.
func (c Client) Loop(ctx context.Context) (path.LoopAnswer, error) {
	var out path.LoopAnswer
	err := c.call(ctx, http.MethodGet, "/v1/loop", &out)
	return out, err
}

func (c Client) call(ctx context.Context, method, target string, out any) error {
	return c.send(ctx, method, target, nil, out)
}

func (c Client) send(ctx context.Context, method, target string, in io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://node"+target, in)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNoNode
	}
	if err != nil {
		return fmt.Errorf("ask running node: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("ask running node: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var f failure
		if json.Unmarshal(body, &f) != nil {
			f.Error = resp.Status
		}
		return fmt.Errorf("the running node refused: %s", f.Error)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("read the running node's answer: %w; is it of another version?", err)
	}
	return nil
}
