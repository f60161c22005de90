// Package snapshot keeps a directory of numbered snapshots, each a set of
// files, so that a program which is killed, runs out of disk or loses power at
// any moment finds a whole one when it starts again.
//
//	DIR/step-00000400/SHA256SUMS  model.safetensors  state.json
//	DIR/step-00000500/SHA256SUMS  model.safetensors  state.json
//
// # Basics
//
// [Save] writes the files into DIR/.tmp-step-00000500, flushes each of them to
// the disk, adds SHA256SUMS (which `sha256sum -c` reads), flushes the
// directory, renames it and flushes DIR. Only then are older snapshots removed.
// A snapshot therefore has its final name only once it is whole on the disk.
//
// [Load] computes the text of SHA256SUMS again from the files that are there
// and compares it with the stored one, so a changed, missing or extra file and
// a change to SHA256SUMS itself are all found. It returns the newest snapshot
// that passes and says which ones it skipped. The files are read into memory
// once: what is handed out is what was verified, whatever happens to the disk
// later.
//
// [WriteFile] writes a single file with the same care: into a temporary one
// beside it, which is flushed and renamed.
//
// # Replacing a step
//
// A directory cannot take the place of a full one in a single portable rename.
// So a step that is saved again gets a name of its own, step-00000500.1, then
// .2 and so on, and the one before it is removed after the new one is on the
// disk. Of one step, Load prefers the highest suffix. At no moment is there
// none.
//
// # Several processes
//
// A Save holds a lock on DIR/.lock, which the operating system drops when the
// process dies. Savers of one directory thus wait for each other, and any
// temporary directory that a Save finds was left by a killed process; it
// removes it. Load takes no lock and works on a read-only medium; if
// everything it has listed is removed meanwhile, it lists again. Where the
// file system has no locks (some network mounts), one process at a time must
// save.
//
// # Caveats
//
// On Windows a directory cannot be flushed: there the order in which renames
// reach the disk is the file system's, and a power cut can cost the newest
// snapshot, though not the one before it unless keep is 1.
package snapshot
