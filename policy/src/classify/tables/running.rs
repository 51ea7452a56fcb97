//! Programs that run others, and the languages and builtins that do.

use super::super::program::Known::Special;
use super::super::{interpreters, wrappers};
use super::Row;

pub(super) static ROWS: &[Row] = &[
    ("sh bash dash ash rbash", Special(interpreters::sh)),
    ("zsh ksh mksh pdksh oksh yash", Special(interpreters::evaluating_sh)),
    (
        "python pypy node nodejs perl ruby php lua luajit tclsh wish expect osascript Rscript julia ghc runghc java scala groovy kotlin elixir erl iex irb pry swift dotnet mono \
         guile racket sbcl clojure csh tcsh fish elvish nu pwsh powershell gdb lldb strace ltrace perf make gmake cmake ninja meson bazel gradle mvn ant just task rake tox nox \
         pytest jest mocha vitest tsc-watch electron qemu wine m4 gnuplot octave ipython jupyter mix sbt lein scons autoreconf screen tmux zellij entr inotifywait",
        Special(interpreters::language),
    ),
    (
        "eval source . alias unalias enable coproc fc bind complete compgen compopt let typeset declare caller suspend disown logout mapfile readarray",
        Special(interpreters::opaque),
    ),
    ("export local readonly read unset", Special(interpreters::variables)),
    ("set", Special(interpreters::set)),
    ("trap", Special(interpreters::trap)),
    ("exec command builtin", Special(wrappers::command)),
    ("nice", Special(wrappers::nice)),
    ("nohup setsid time chronic", Special(wrappers::simple)),
    ("timeout", Special(wrappers::timeout)),
    ("stdbuf ionice", Special(wrappers::stdbuf)),
    ("taskset chrt", Special(wrappers::scheduled)),
    ("flock", Special(wrappers::flock)),
    ("busybox toybox coreutils busybox.static", Special(wrappers::busybox)),
    ("env", Special(wrappers::env)),
    ("sudo sudoedit", Special(wrappers::sudo)),
    ("doas pkexec setpriv gosu su-exec", Special(wrappers::privileged)),
    ("su runuser", Special(wrappers::su)),
    ("chroot nsenter unshare capsh proot fakeroot", Special(wrappers::elsewhere)),
    ("watch", Special(wrappers::watch)),
    ("script", Special(wrappers::typescript)),
    ("xargs", Special(wrappers::xargs)),
    ("parallel", Special(wrappers::parallel)),
    ("ssh slogin mosh autossh", Special(interpreters::ssh)),
    ("scp rsync", Special(interpreters::copy)),
];
