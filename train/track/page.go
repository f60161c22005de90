package track

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"errors"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

//go:embed page
var pageFiles embed.FS

// page serves a board.
type page struct {
	host    string // its name, "" for none, beside localhost
	public  bool
	pause   time.Duration // between two answers to a browser
	server  *http.Server
	release func() bool   // from the context
	ended   chan struct{} // is closed when the run has ended
	ending  sync.Once
	served  chan error // gets why the server stopped

	mu    sync.Mutex // training waits for it, so it is held for short
	board *board

	encoding sync.Mutex // of what follows
	shown    shown
	asked    time.Time // when somebody last asked for it
}

// shown is what browsers get.
type shown struct {
	version     string
	made        time.Time
	data, small []byte // small is data in gzip
}

// patience is after how many pauses a browser is told that nothing is new.
const patience = 10

func newPage(b *board, host string, public bool, pause time.Duration) *page {
	p := &page{host: host, public: public, pause: pause, board: b, ended: make(chan struct{}), served: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /data", p.data)
	mux.Handle("GET /{$}", pageFile("page.html", "text/html"))
	mux.Handle("GET /page.css", pageFile("page.css", "text/css"))
	mux.Handle("GET /page.js", pageFile("page.js", "text/javascript"))
	p.server = &http.Server{
		Handler:           p.guarded(mux),
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      patience*pause + 20*time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          stdlog.New(io.Discard, "", 0),
	}
	return p
}

func pageFile(name, contentType string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			panic("track: " + err.Error()) // it is embedded
		}
		w.Header().Set("Content-Type", contentType+"; charset=utf-8")
		w.Write(data)
	})
}

// guarded lets in only who asks for this page by its own name. A page of another site that a browser shows can make it
// ask for ours; by a name that the site has pointed to this machine (DNS rebinding) it could even read the answer.
func (p *page) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
			"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !p.named(r.Host) {
			http.Error(w, "this page is not served under the name "+r.Host, http.StatusForbidden)
			return
		}
		switch site := r.Header.Get("Sec-Fetch-Site"); {
		case site == "" || site == "same-origin" || site == "none":
		case r.Header.Get("Sec-Fetch-Mode") == "navigate": // a link
		default:
			http.Error(w, "this is not for other sites", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// named reports whether a Host header names this page. The port may be another one, that of a tunnel.
func (p *page) named(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return p.public || ip.IsLoopback()
	}
	return strings.EqualFold(host, "localhost") || p.host != "" && strings.EqualFold(host, p.host)
}

// serve serves until end is called, or the context is done.
func (p *page) serve(ctx context.Context, l net.Listener) {
	go func() { p.served <- p.server.Serve(l) }()
	p.release = context.AfterFunc(ctx, func() { p.end(context.Cause(ctx)) })
}

// end stops serving, after browsers that look on have been told: those that wait for an answer get it at once, and the
// others will ask within a pause. To call it again does nothing but wait for the first call.
func (p *page) end(cause error) (err error) {
	p.ending.Do(func() {
		p.mu.Lock()
		p.board.end(cause)
		p.mu.Unlock()
		close(p.ended)
		p.encoding.Lock()
		asked := p.asked
		p.encoding.Unlock()
		if time.Since(asked) < (patience+1)*p.pause {
			time.Sleep(p.pause)
		}
		ctx, cancel := context.WithTimeout(context.Background(), p.pause)
		defer cancel()
		if p.server.Shutdown(ctx) != nil { // somebody is too slow
			err = p.server.Close()
		}
		if failed := <-p.served; !errors.Is(failed, http.ErrServerClosed) {
			err = failed
		}
	})
	return err
}

func (p *page) observe(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.board.observe(e)
}

// data answers with all that is shown, a request with a version when there is another one: at once in the end, and else
// after a pause.
func (p *page) data(w http.ResponseWriter, r *http.Request) {
	known := r.URL.Query().Get("version")
	if known != "" {
		p.wait(r.Context())
	}
	s := p.current()
	for range patience - 1 {
		if s.version != known || p.over() {
			break
		}
		p.wait(r.Context())
		s = p.current()
	}
	if s.version == known {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	body := s.data
	w.Header().Set("Content-Type", "application/json")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = s.small
	}
	w.Write(body)
}

// wait makes a pause, which the end of the run cuts short.
func (p *page) wait(ctx context.Context) {
	select {
	case <-time.After(p.pause):
	case <-p.ended:
	case <-ctx.Done():
	}
}

func (p *page) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// current returns what is to be shown, which is made again when it is a pause old or the run has ended.
func (p *page) current() shown {
	p.encoding.Lock()
	defer p.encoding.Unlock()
	now := time.Now()
	p.asked = now
	if p.shown.data != nil && now.Sub(p.shown.made) < p.pause && !p.over() {
		return p.shown
	}
	p.mu.Lock()
	if p.shown.version == p.board.version() {
		p.mu.Unlock()
		return p.shown
	}
	v := p.board.view(now)
	p.mu.Unlock()

	data := v.encode()
	var small bytes.Buffer
	z, err := gzip.NewWriterLevel(&small, gzip.BestSpeed)
	if err != nil {
		panic("track: " + err.Error())
	}
	z.Write(data) // to memory
	z.Close()
	p.shown = shown{v.Version, now, data, small.Bytes()}
	return p.shown
}
