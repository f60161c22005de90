package track

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"
)

var _ Observer = (*Dashboard)(nil)

// Dashboard serves a page that shows a run while it goes on: learning curves, the gradient's norm, learning rate,
// speed, the gradient's flow through time, further scalars, and the newest generated texts. It needs nothing from
// elsewhere.
//
// It is served from Start until End, or until the context of the run ends. Browsers that look on then keep what they
// have. Training doesn't wait for them: an event is added to a summary of bounded size, from which browsers get at most
// one copy a second.
//
// Only this machine is served, and only pages of the Dashboard itself may read its data.
type Dashboard struct {
	// Addr is the address to listen on. "" means "localhost:6007"; port 0 means any free one. Without a host it is
	// localhost, or with Public all addresses of this machine.
	Addr string
	// Public allows an address that other machines can reach. All who reach it can read the page: there is no password
	// and no encryption. They must ask for it by an IP address or by the host in Addr.
	Public bool
	Title  string           // "" means "Training"
	Ready  func(url string) // is told where the page is, when it can be opened; nil: nobody

	pause time.Duration // between two answers to a browser; 0: a second
	page  *page
}

// Start begins to serve the page.
func (d *Dashboard) Start(ctx context.Context, r Run) error {
	host, address, err := d.address(ctx)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("track: Dashboard: %w", err)
	}
	board := newBoard(cmp.Or(d.Title, "Training"), r, time.Now())
	d.page = newPage(board, host, d.Public, cmp.Or(d.pause, time.Second))
	d.page.serve(ctx, listener)
	if d.Ready != nil {
		if host == "" {
			host = "localhost"
		}
		_, port, _ := net.SplitHostPort(listener.Addr().String()) // as net writes it
		d.Ready("http://" + net.JoinHostPort(host, port) + "/")
	}
	return nil
}

// Observe adds an event to the page. Histograms and images aren't shown.
func (d *Dashboard) Observe(e Event) error {
	if d.page != nil {
		d.page.observe(e)
	}
	return nil
}

// End shows how the run ended to those who look on, for which it waits two seconds at most, and stops serving.
func (d *Dashboard) End(err error) error {
	if d.page == nil {
		return nil
	}
	d.page.release()
	return d.page.end(err)
}

// address returns the host in Addr, "" for all, and the address to listen on.
func (d *Dashboard) address(ctx context.Context) (host, address string, err error) {
	addr := cmp.Or(d.Addr, "localhost:6007")
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", "", &ArgumentError{Name: "Dashboard.Addr", Got: fmt.Sprintf("%q", addr), Want: "host:port"}
	}
	if host == "" && !d.Public {
		host = "localhost"
	}
	switch host {
	case "":
		return "", addr, nil
	case "localhost": // not looked up: it must not be anything else
		return host, net.JoinHostPort("127.0.0.1", port), nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", "", fmt.Errorf("track: Dashboard: %w", err)
	}
	ip := ips[0].Unmap()
	if !ip.IsLoopback() && !d.Public {
		return "", "", &ArgumentError{
			Name: "Dashboard.Addr", Got: fmt.Sprintf("%q, which other machines can reach", addr), Want: "localhost, or Public set",
		}
	}
	return host, net.JoinHostPort(ip.String(), port), nil
}
