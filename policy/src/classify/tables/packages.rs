//! Package managers and build tools.

use super::super::interpreters;
use super::super::plain::{READS, always};
use super::super::program::Known::{Plain as Simple, Special, Verbs as ByVerb};
use super::super::set::{DESTROY, HOME, NOTHING, OPAQUE, PKG, PUBLISH, READ, SECRET, SYSTEM, Set, WORK};
use super::super::verbs::Verbs;
use super::Row;

const SYSTEM_PKG: Set = PKG.and(SYSTEM);

pub(super) static ROWS: &[Row] = &[
    (
        "npm yarn pnpm bun npm-cli.js yarn.js pnpm.cjs",
        ByVerb(Verbs {
            flags: "-s --silent -q --quiet --json -g --global -D --offline -r --recursive --verbose",
            valued: "--prefix -C --dir --cwd --loglevel -w --workspace --filter -F",
            verbs: &[
                (
                    READ,
                    "ls list ll la view v info show outdated search root bin help why explain doctor ping prefix licenses query audit fund versions",
                ),
                (
                    PKG,
                    "install i in add ci isntall clean-install update up upgrade uninstall remove rm un unlink link ln dedupe ddp rebuild prune import fetch install-test it global",
                ),
                (
                    HOME.and(PKG),
                    "install:-g install:--global i:-g i:--global add:-g add:--global uninstall:-g uninstall:--global update:-g link:-g remove:-g",
                ),
                (WORK, "init pack version pkg shrinkwrap set"),
                (WORK.and(PKG), "audit:fix patch"),
                (PUBLISH, "publish"),
                (PUBLISH.and(DESTROY), "unpublish deprecate"),
                (PUBLISH, "dist-tag team owner access star unstar org npm hook"),
                (SECRET, "login adduser logout token whoami profile config:get config:list config"),
                (DESTROY, "cache:clean cache:clear store:prune"),
                (HOME, "cache store config:set config:delete config:edit"),
                (
                    OPAQUE,
                    "init:-y run run-script exec x dlx test t tst start stop restart create env dev build lint node workspace workspaces explore edit",
                ),
                (OPAQUE, "*:--script-shell *:--node-options *:--userconfig *:--globalconfig"),
            ],
            otherwise: OPAQUE,
            alone: PKG,
        }),
    ),
    ("npx bunx npx-cli.js pnpx corepack volta nvm fnm n uvx pipx tsx ts-node deno", Special(interpreters::language)),
    (
        "pip",
        ByVerb(Verbs {
            flags: "-q --quiet -v --verbose --no-input --isolated --disable-pip-version-check",
            valued: "--timeout --retries --proxy --log",
            verbs: &[
                (READ, "list show freeze check search index inspect help debug hash"),
                (PKG, "install uninstall"),
                (PKG.and(WORK), "download wheel"),
                (SECRET, "config"),
                (DESTROY.and(HOME), "cache:purge cache:remove"),
                (READ, "cache"),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
    (
        "uv poetry pdm pipenv hatch rye conda mamba micromamba",
        ByVerb(Verbs {
            flags: "-q --quiet -v --verbose --offline --no-cache -n",
            valued: "--directory --project --cache-dir",
            verbs: &[
                (
                    READ,
                    "tree show info list search check help version pip:list pip:show pip:freeze pip:check export:--dry-run",
                ),
                (PKG, "add remove sync lock install update upgrade uninstall create pip tool python self env"),
                (WORK, "init venv new build export"),
                (PUBLISH, "publish"),
                (SECRET, "login auth config"),
                (DESTROY, "clean cache"),
                (OPAQUE, "run shell exec tool:run"),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
    (
        "cargo",
        ByVerb(Verbs {
            flags: "-q --quiet -v --verbose --locked --offline --frozen +stable +nightly +beta",
            valued: "-C --color --manifest-path",
            verbs: &[
                (
                    READ,
                    "tree metadata search info locate-project verify-project pkgid help version read-manifest audit outdated deny",
                ),
                (WORK, "check c build b doc d clippy fmt fix new init update generate-lockfile vendor package expand"),
                (PKG.and(HOME), "install uninstall binstall"),
                (PKG.and(WORK), "add remove fetch"),
                (PUBLISH, "publish"),
                (PUBLISH.and(DESTROY), "yank"),
                (PUBLISH.and(SECRET), "owner"),
                (SECRET, "login logout"),
                (WORK.and(DESTROY), "clean"),
                (OPAQUE, "run r test t bench nextest xtask miri watch make *:--config"),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
    (
        "rustup",
        ByVerb(Verbs {
            flags: "-q -v",
            valued: "",
            verbs: &[
                (READ, "show which doc check help toolchain:list target:list component:list"),
                (PKG.and(HOME), "update install toolchain target component default override set self uninstall"),
                (OPAQUE, "run"),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
    ("rustfmt gofmt black isort prettier ruff clang-format", Simple(always(WORK))),
    ("rustc gcc g++ cc c++ clang clang++ ld as tsc javac protoc", Special(interpreters::language)),
    (
        "go",
        ByVerb(Verbs {
            flags: "",
            valued: "-C",
            verbs: &[
                (READ, "version env list doc help vet"),
                (WORK, "build fmt fix mod work"),
                (PKG, "get mod:download mod:tidy mod:vendor"),
                (PKG.and(HOME), "install"),
                (HOME, "env:-w env:-u telemetry"),
                (DESTROY.and(HOME), "clean"),
                (OPAQUE, "run test generate tool *:-toolexec *:-exec *:-vettool *:-overlay mod:edit"),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
    (
        "gem bundle bundler composer",
        ByVerb(Verbs {
            flags: "-q -v --quiet --verbose",
            valued: "",
            verbs: &[
                (
                    READ,
                    "list search info show outdated check environment env help which query contents dependency specification licenses why diagnose validate",
                ),
                (PKG, "install update uninstall add remove cleanup require lock pristine upgrade"),
                (WORK, "init build unpack pack package gem"),
                (PUBLISH, "push release"),
                (PUBLISH.and(DESTROY), "yank"),
                (PUBLISH.and(SECRET), "owner"),
                (SECRET, "signin signout config"),
                (DESTROY, "clean clear-cache"),
                (OPAQUE, "exec console run run-script"),
            ],
            otherwise: OPAQUE,
            alone: PKG,
        }),
    ),
    (
        "apt apt-get aptitude dnf yum microdnf zypper apk pacman brew snap flatpak port nix-env xbps-install emerge opkg pkg",
        ByVerb(Verbs {
            flags: "-y --yes --assume-yes -q -qq --quiet -v --verbose --no-cache --no-install-recommends -n --non-interactive --user --system -f -U",
            valued: "-p --repository",
            verbs: &[
                (
                    READ,
                    "list search show info policy depends rdepends madison provides deps uses leaves cat outdated home help version repolist repoquery history find changelog doctor ls",
                ),
                (
                    SYSTEM_PKG,
                    "install update upgrade dist-upgrade full-upgrade remove add del fix purge autoremove reinstall uninstall build-dep dependency clean autoclean \
                     groupinstall localinstall downgrade tap untap link unlink pin cleanup refresh revert enable disable connect disconnect switch override mark hold \
                     source download check-update makecache erase swap distro-sync patch dup in rm ref up services alias edit-sources",
                ),
                (SECRET, "login logout export-login"),
                (OPAQUE, "run exec shell eval edit create services:run build *:-o *:-c *:--config *:--option *:--root"),
            ],
            otherwise: SYSTEM_PKG.and(OPAQUE),
            alone: READ,
        }),
    ),
    ("dpkg rpm alien nix-channel nix-collect-garbage pacstrap debootstrap", Simple(always(SYSTEM_PKG))),
    ("apt-cache dpkg-query apt-mark-list rpmquery debconf-show", Simple(READS)),
    (
        "apt-key add-apt-repository debconf-set-selections dpkg-reconfigure update-alternatives",
        Simple(always(SYSTEM_PKG)),
    ),
    ("twine", Simple(always(PUBLISH))),
    ("venv virtualenv", Simple(always(WORK.and(NOTHING)))),
];
