package luasyntax

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// maxCalls is how deep Lua may call itself in C, and callsBefore how deep it is when the main chunk of a script reads a
// source. Each level of the syntax is a call.
const (
	maxCalls    = 200
	callsBefore = 2
)

// Chunk is the syntax tree of a source. A node's line is that of the code which is made of it, as errors at run time name it;
// for most that is where it ends. Its last line is another one that matters, or 0.
type Chunk struct {
	Stmts []ast.Stmt
	// Signs are those of "..", "#" and "for" that are in the source. The last is a numeric one over other values than those that
	// IsNumber knows.
	Signs map[string]bool
}

// Parse reads a source, which file names in errors. They are *Error.
func Parse(src []byte, file string) (chunk *Chunk, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			chunk, err = nil, e
		}
	}()
	p := &parser{
		lex: lexer{src: src, file: file, line: 1, words: map[string]string{}}, calls: callsBefore,
		scope: &scope{vararg: true}, vars: map[string]*variable{}, ahead: token{kind: kEnded}, chunk: &Chunk{Signs: map[string]bool{}},
	}
	p.next()
	p.chunk.Stmts = p.stmts()
	p.check(kEnded)
	return p.chunk, nil
}

// parser reads one source.
type parser struct {
	lex   lexer
	tok   token // at which it is
	ahead token // behind tok; the end, if it was not looked at
	last  int   // line of the token before tok
	calls int
	scope *scope
	vars  map[string]*variable
	chunk *Chunk
}

func (p *parser) next() {
	p.last = p.lex.line
	if p.ahead.kind != kEnded {
		p.tok, p.ahead = p.ahead, token{kind: kEnded}
		return
	}
	p.tok = p.lex.next()
}

// peek is what kind of token is behind the one at hand.
func (p *parser) peek() kind {
	p.ahead = p.lex.next()
	return p.ahead.kind
}

func (p *parser) fail(message string) { p.lex.fail(message, p.tok.kind) }

func (p *parser) expected(k kind) { p.fail("'" + k.String() + "' expected") }

func (p *parser) check(k kind) {
	if p.tok.kind != k {
		p.expected(k)
	}
}

// accept goes over a token if it is of a kind.
func (p *parser) accept(k kind) bool {
	if p.tok.kind != k {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(k kind) {
	p.check(k)
	p.next()
}

// wantClosing goes over the token that closes what another has opened in some line.
func (p *parser) wantClosing(k, opened kind, line int) {
	if p.accept(k) {
		return
	}
	if line == p.lex.line {
		p.expected(k)
	}
	p.fail(fmt.Sprintf("'%s' expected (to close '%s' at line %d)", k, opened, line))
}

func (p *parser) name() string {
	p.check(kName)
	name := p.tok.text
	p.next()
	return name
}

// enter is called before a level of the syntax is read, leave behind it.
func (p *parser) enter() {
	if p.calls++; p.calls > maxCalls {
		p.lex.fail("chunk has too many syntax levels", 0)
	}
}

func (p *parser) leave() { p.calls-- }

// lines gives a node its line and its last line.
func lines[N ast.PositionHolder](n N, line, last int) N {
	n.SetLine(line)
	n.SetLastLine(last)
	return n
}

// IsNumber reports whether an expression is a number that is written out.
func IsNumber(e ast.Expr) bool {
	if minus, ok := e.(*ast.UnaryMinusOpExpr); ok {
		e = minus.Expr
	}
	_, ok := e.(*ast.NumberExpr)
	return ok
}
