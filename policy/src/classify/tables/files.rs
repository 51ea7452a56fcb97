//! Programs that read, write and search files.

use super::super::plain::{Effect, Operands, Plain, READS, WRITES, always};
use super::super::program::Known::{Plain as Simple, Special};
use super::super::set::{DESTROY, NOTHING, OPAQUE, PUBLISH, READ, SECRET, SYSTEM, WORK};
use super::super::{interpreters, modes, search, streams};
use super::Row;

const TO_OUTPUT: &[(&str, Effect)] = &[("-o --output", Effect::Writes)];

pub(super) static ROWS: &[Row] = &[
    (
        "cat tac head tail wc nl od hexdump fold fmt pr expand unexpand paste join comm cmp cut tr rev column ls dir vdir exa eza lsd stat file \
         readlink realpath basename dirname pwd echo seq expr factor numfmt true false yes sleep cal ncal bc md5sum sha1sum sha224sum \
         sha256sum sha384sum sha512sum b2sum b3sum cksum sum base32 base64 basenc strings du df id whoami groups users who w uptime uname arch nproc \
         getconf tty logname hostid printenv locale jq fgrep egrep grep zgrep zcat bzcat xzcat zstdcat look tsort getent lsblk findmnt \
         lscpu lsmem lspci lsusb lsof ps pgrep pidof pstree top htop free vmstat iostat mpstat sar netstat ping ping6 traceroute tracepath mtr \
         host nslookup which whereis type whatis apropos times umask ulimit wait fg bg shift return exit break continue : cd pushd popd \
         dirs chdir getopts history shopt nm objdump readelf size c++filt cloc tokei scc tldr cheat neofetch fastfetch \
         mimetype ascii banner figlet cowsay fortune sl lolcat zipinfo diff3 ldconfig.real namei dmidecode inxi sensors acpi \
         cargo-tree shellcheck hadolint yamllint jsonlint lsattr getfacl getfattr getcap pathchk test-path cksfv dig whois",
        Simple(READS),
    ),
    (
        "rg ag ack",
        Simple(Plain {
            options: &[("--pre --pager --hostname-bin --output", Effect::Adds(OPAQUE))],
            valued: "efgtTABCm",
            ..READS
        }),
    ),
    (
        "sort",
        Simple(Plain {
            options: &[
                ("-o --output -T --temporary-directory", Effect::Writes),
                ("--compress-program", Effect::Adds(OPAQUE)),
            ],
            valued: "koStT",
            ..READS
        }),
    ),
    ("uniq xxd", Simple(Plain { options: &[], operands: Operands::SecondWritten, always: READ, valued: "fswlcgo" })),
    (
        "bat batcat xmllint",
        Simple(Plain { options: &[("--pager --shell --output --config-file", Effect::Adds(OPAQUE))], ..READS }),
    ),
    ("date", Simple(Plain { options: &[("-s --set", Effect::Adds(SYSTEM))], valued: "dfIr", ..READS })),
    ("tree", Simple(Plain { options: TO_OUTPUT, valued: "LPIHT", ..READS })),
    ("jobs hash", Simple(Plain { options: &[("-x -p", Effect::Adds(OPAQUE))], ..READS })),
    ("ss", Simple(Plain { options: &[("-K --kill", Effect::Adds(DESTROY))], ..READS })),
    ("ldd dc", Special(interpreters::opaque)),
    ("dd", Special(streams::dd)),
    ("diff", Simple(Plain { options: TO_OUTPUT, valued: "xXIUCWFS", ..READS })),
    (
        "sdiff colordiff vimdiff",
        Simple(Plain { options: &[("-o --output --diff-program", Effect::Adds(OPAQUE))], ..READS }),
    ),
    (
        "yq",
        Simple(Plain {
            options: &[("-i --inplace --in-place", Effect::WritesOperands), ("-s --split-exp", Effect::Adds(WORK))],
            ..READS
        }),
    ),
    ("mktemp tempfile", Simple(Plain { always: WORK, ..WRITES })),
    ("touch mkdir mkfifo rmdir", Simple(Plain { always: NOTHING, valued: "mdrt", ..WRITES })),
    ("tee", Simple(WRITES)),
    (
        "cp install",
        Simple(Plain {
            operands: Operands::LastWritten,
            valued: "mgoStZ",
            options: &[
                ("-t --target-directory", Effect::Writes),
                ("--strip-program", Effect::Adds(OPAQUE)),
                ("-d --directory", Effect::WritesOperands),
            ],
            always: NOTHING,
        }),
    ),
    (
        "mv rename ln link mmv",
        Simple(Plain { options: &[("-t --target-directory", Effect::Writes)], valued: "tS", ..WRITES }),
    ),
    ("prename perl-rename file-rename", Special(interpreters::opaque)),
    ("rm unlink trash trash-put srm", Simple(Plain { always: DESTROY, ..WRITES })),
    ("shred wipe truncate fallocate scrub", Simple(Plain { always: DESTROY, ..WRITES })),
    (
        "patch",
        Simple(Plain {
            options: &[("-o --output -r --reject-file -d --directory -B", Effect::Writes)],
            always: WORK,
            ..WRITES
        }),
    ),
    ("split csplit", Simple(Plain { options: &[("--filter", Effect::Adds(OPAQUE))], always: WORK, ..WRITES })),
    ("chmod", Special(modes::chmod)),
    ("chown chgrp chattr setfacl setfattr", Simple(Plain { always: SYSTEM, ..WRITES })),
    (
        "gzip gunzip bzip2 bunzip2 xz unxz lzma unlzma zstd unzstd lz4 brotli compress uncompress pigz",
        Simple(Plain { options: &[("-o --output-file", Effect::Writes)], always: READ, ..WRITES }),
    ),
    (
        "zip unzip 7z 7za 7zz unrar rar unar ar jar",
        Simple(Plain {
            options: &[
                ("-TT --unzip-command -T", Effect::Adds(OPAQUE)),
                ("-m --move -sdel", Effect::Adds(DESTROY)),
                ("-d", Effect::Writes),
            ],
            always: WORK,
            ..WRITES
        }),
    ),
    ("cpio pax", Special(interpreters::opaque)),
    ("tar bsdtar gtar", Special(streams::tar)),
    ("find gfind", Special(search::find)),
    ("fd fdfind", Special(search::fd)),
    ("sed gsed", Special(streams::sed)),
    ("awk gawk mawk nawk", Special(streams::awk)),
    (
        "vi vim nvim view nano pico micro emacs emacsclient ed ex code codium subl gedit kate joe mcedit hx helix",
        Special(streams::editor),
    ),
    ("less more most pg man info", Special(streams::pager)),
    ("test [", Special(interpreters::test)),
    ("printf", Special(interpreters::printf)),
    ("clear reset tput stty setterm tabs", Simple(READS)),
    ("sync mkdirhier", Simple(READS)),
    ("dos2unix unix2dos", Simple(WRITES)),
    ("xdg-open open start sensible-browser", Special(interpreters::opaque)),
    ("pbcopy xclip xsel wl-copy clip", Simple(always(WORK))),
    ("pbpaste wl-paste", Simple(always(READ.and(SECRET)))),
    ("locate mlocate plocate", Simple(READS)),
    (
        "curl",
        Simple(Plain {
            valued: "AbcCdDeEFhHKmoPQrtTuUwxXyYz",
            options: &[
                (
                    "-o --output -c --cookie-jar -D --dump-header --trace --trace-ascii --output-dir --libcurl --etag-save --hsts --alt-svc --stderr",
                    Effect::Writes,
                ),
                ("-O --remote-name --remote-name-all -J --remote-header-name", Effect::Adds(WORK)),
                (
                    "-d --data --data-ascii --data-binary --data-raw --data-urlencode --json -F --form --form-string -T --upload-file -X --request -Q --quote --url-query",
                    Effect::Adds(PUBLISH),
                ),
                (
                    "-u --user -n --netrc --netrc-optional --netrc-file -E --cert --key -U --proxy-user --oauth2-bearer",
                    Effect::Adds(SECRET),
                ),
                ("-K --config --engine --unix-socket --abstract-unix-socket -w --write-out", Effect::Adds(OPAQUE)),
            ],
            ..READS
        }),
    ),
    (
        "wget",
        Simple(Plain {
            valued: "oaeiBtOTwQPUlADIXR",
            always: WORK,
            operands: Operands::Read,
            options: &[
                (
                    "-O --output-document -o --output-file -a --append-output -P --directory-prefix --save-cookies --warc-file",
                    Effect::Writes,
                ),
                ("--post-data --post-file --method --body-data --body-file", Effect::Adds(PUBLISH)),
                (
                    "--user --password --http-user --http-password --ftp-user --ftp-password --certificate --private-key",
                    Effect::Adds(SECRET),
                ),
                ("-e --execute --use-askpass --config", Effect::Adds(OPAQUE)),
            ],
        }),
    ),
    ("http https xh httpie", Simple(always(PUBLISH.and(SECRET)))),
    ("sftp nc ncat netcat socat telnet ftp lftp tftp", Special(interpreters::opaque)),
];
