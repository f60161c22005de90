module github.com/gobptt/bptt/internal/kernel/asm

go 1.26.0
