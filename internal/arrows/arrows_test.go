// Package arrows tests the layout of the module: who imports whom, that every package says what it is, and that no cell
// goes without the conformance suite. It reads the source of all platforms and build tags, and needs no network.
package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gobptt/bptt/"

// arrows says what the packages of the module may import beside the standard library: packages of the module by their
// folder, others by their path, and with "/..." all below it. A package that is not listed may import nothing: write
// here what a new one needs, and think of whether the layout still has a direction.
var arrows = map[string][]string{
	"internal/kernel":      {"golang.org/x/sys/cpu"},
	"internal/safetensors": {},
	"internal/snapshot":    {},
	"internal/npz":         {},
	"internal/golden":      {"graph", "internal/safetensors"},
	"internal/benchmarks":  {},
	"internal/program":     {},
	"internal/missing":     {},

	"graph": {"internal/kernel", "gorgonia.org/...", "github.com/chewxy/hm"},

	"layers":          {"graph", "layers/cell"},
	"layers/cell":     {"graph", "internal/kernel", "gonum.org/v1/gonum/mat"},
	"layers/celltest": {"graph", "layers", "layers/cell"},
	"layers/initial":  {"graph", "gonum.org/v1/gonum/..."},
	"layers/weights":  {"graph", "internal/npz", "internal/safetensors", "internal/snapshot"},

	"layers/reservoir": {"graph", "layers/cell", "internal/kernel", "gonum.org/v1/gonum/mat"},

	"layers/attention": {"graph", "layers", "layers/cell"},
	"layers/crf":       {"graph", "seqdata"},

	"seqdata": {},

	"train":          {"graph", "seqdata", "train/...", "internal/missing", "internal/snapshot", "internal/safetensors"},
	"train/bptt":     {"graph", "seqdata", "internal/kernel"},
	"train/optim":    {"graph", "internal/kernel", "internal/missing"},
	"train/schedule": {"graph"},
	"train/loss":     {"graph", "seqdata"},
	"train/track":    {"graph", "internal/missing", "github.com/schollz/progressbar/v3", "golang.org/x/term", "gonum.org/v1/plot/...", "gonum.org/v1/gonum/mat"},
	"train/search":   {},
	"train/metric":   {"graph", "seqdata"},
	"train/decode":   {"graph"},
}

// file is a Go file of the module.
type file struct {
	path string // from the root, with slashes
	test bool
	*ast.File
}

// read parses all files below a folder of the module, by folder.
func read(t *testing.T, folder string, mode parser.Mode) map[string][]file {
	t.Helper()
	root := filepath.Join("..", "..")
	packages := map[string][]file{}
	err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(folder)), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if filepath.Clean(p) == root {
				return nil
			}
			_, err := os.Stat(filepath.Join(p, "go.mod")) // a module of its own
			if err == nil || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, mode)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		packages[path.Dir(rel)] = append(packages[path.Dir(rel)], file{rel, strings.HasSuffix(name, "_test.go"), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) == 0 {
		t.Fatal("no Go files in " + folder)
	}
	return packages
}

// imports are what a file imports beside the standard library, those of the module by their folder.
func (f file) imports(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(p, "/"); strings.Contains(first, ".") || p == "C" {
			paths = append(paths, strings.TrimPrefix(p, module))
		}
	}
	return paths
}

func allowed(may []string, p string) bool {
	return slices.ContainsFunc(may, func(m string) bool {
		below, tree := strings.CutSuffix(m, "/...")
		return m == p || tree && (p == below || strings.HasPrefix(p, below+"/"))
	})
}

func TestImports(t *testing.T) {
	packages := read(t, ".", parser.ImportsOnly)
	for folder, files := range packages {
		may, listed := arrows[folder]
		anything := strings.HasPrefix(folder, "examples/") || folder == "internal/arrows"
		if !listed && !anything {
			t.Errorf("%s is not in the list of packages in this test", folder)
			continue
		}
		for _, f := range files {
			for _, p := range f.imports(t) {
				switch {
				case p == "C":
					t.Errorf("%s needs cgo", f.path)
				case strings.HasPrefix(p, "gorgonia.org/") && folder != "graph":
					t.Errorf("%s imports %s: only graph may, tests included", f.path, p)
				case !f.test && !anything && !allowed(may, p):
					t.Errorf("%s imports %s; %s may import %v", f.path, p, folder, may)
				case strings.HasPrefix(p, "examples/"):
					t.Errorf("%s imports an example", f.path)
				}
			}
		}
	}
	for folder := range arrows {
		if packages[folder] == nil {
			t.Errorf("%s is listed here but isn't there", folder)
		}
	}
}

// The list itself must not have circles or arrows that the design forbids.
func TestArrowsPointOneWay(t *testing.T) {
	for folder, may := range arrows {
		for _, p := range may {
			below, _ := strings.CutSuffix(p, "/...")
			back := arrows[below]
			if below != folder && allowed(back, folder) {
				t.Errorf("%s and %s import each other", folder, below)
			}
			if strings.HasPrefix(folder, "train") && (p == "layers" || strings.HasPrefix(p, "layers/")) {
				t.Errorf("%s imports %s: models come to train by an interface", folder, p)
			}
		}
	}
}

// Every package says what it is, in doc.go; a package of one file and a program may say it where their code is.
func TestPackageComments(t *testing.T) {
	for folder, files := range read(t, ".", parser.ParseComments|parser.PackageClauseOnly) {
		files = slices.DeleteFunc(files, func(f file) bool { return f.test })
		if len(files) == 0 {
			continue
		}
		anywhere := files[0].Name.Name == "main" || len(files) == 1
		commented := 0
		for _, f := range files {
			if f.Doc == nil {
				continue
			}
			commented++
			if !anywhere && path.Base(f.path) != "doc.go" {
				t.Errorf("%s has the comment of the package, which belongs into doc.go", f.path)
			}
			want := "Package " + f.Name.Name + " "
			if f.Name.Name == "main" {
				name := path.Base(folder)
				want = strings.ToUpper(name[:1]) + name[1:] + " "
			}
			if text := f.Doc.Text(); !strings.HasPrefix(text, want) && !strings.HasPrefix(text, "Command ") {
				t.Errorf("the comment of %s does not begin with %q", f.path, want)
			}
		}
		if commented != 1 {
			t.Errorf("%s has %d package comments, want 1", folder, commented)
		}
	}
}

// Every constructor of a cell is put through the conformance suite: it is in the list of layers/celltest, under its own
// name.
func TestEveryCellIsTested(t *testing.T) {
	const folder = "layers/cell"
	files := slices.DeleteFunc(read(t, folder, 0)[folder], func(f file) bool { return f.test })

	cells := map[string]bool{} // types with a method Step
	for _, f := range files {
		for _, d := range f.Decls {
			if m, ok := d.(*ast.FuncDecl); ok && m.Recv != nil && m.Name.Name == "Step" {
				cells[typeName(m.Recv.List[0].Type)] = true
			}
		}
	}
	var constructors []string
	for _, f := range files {
		for _, d := range f.Decls {
			c, ok := d.(*ast.FuncDecl)
			if !ok || c.Recv != nil || !strings.HasPrefix(c.Name.Name, "New") || c.Type.Results == nil {
				continue
			}
			if result := typeName(c.Type.Results.List[0].Type); cells[result] || result == "Cell" || result == "Fused" {
				constructors = append(constructors, c.Name.Name)
			}
		}
	}
	if len(cells) < 3 || len(constructors) < 4 {
		t.Fatalf("found the cells %v and the constructors %v: this test no longer understands the code", cells, constructors)
	}

	listed := map[string]bool{}
	for _, f := range read(t, "layers/celltest", 0)["layers/celltest"] {
		if f.path != "layers/celltest/cells_test.go" {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			entry, ok := n.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			key, ok := entry.Key.(*ast.BasicLit)
			if !ok || key.Kind != token.STRING {
				return true
			}
			name, err := strconv.Unquote(key.Value)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(entry.Value, func(n ast.Node) bool { // its value must call the constructor of that name
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == name {
					listed[name] = true
				}
				return true
			})
			return true
		})
	}
	for _, c := range constructors {
		if !listed[c] {
			t.Errorf("cell.%s is not in the list cells of layers/celltest/cells_test.go", c)
		}
	}
}

// typeName is the name of T in T, *T or p.T.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}
