//! Version control.

use super::super::program::Known::{self, Verbs as ByVerb};
use super::super::set::{DESTROY, HOME, NET, OPAQUE, PUBLISH, READ, SECRET, SYSTEM, VCS, WORK};
use super::super::verbs::Verbs;
use super::Row;

const REWRITE: super::super::set::Set = VCS.and(DESTROY);

pub(super) static ROWS: &[Row] = &[
    ("git", ByVerb(GIT)),
    (
        "hg svn jj bzr fossil",
        Known::Verbs(Verbs {
            flags: "-q -v --quiet --verbose --noninteractive --non-interactive",
            valued: "-R --repository --cwd",
            verbs: &[
                (
                    READ,
                    "status st log diff info summary id identify parents heads tags branches annotate blame cat manifest root show list ls help version paths",
                ),
                (
                    VCS,
                    "commit ci add addremove mv move copy cp rename update up switch sw merge branch bookmark tag pull fetch graft rebase new describe squash",
                ),
                (REWRITE, "revert strip rollback purge cleanup abandon restore undo delete rm remove del uncommit"),
                (VCS.and(WORK), "clone checkout co init export"),
                (VCS.and(PUBLISH), "push"),
                (VCS.and(PUBLISH).and(DESTROY), "push:--force push:-f"),
                (
                    OPAQUE,
                    "*:--config *:--diff-cmd *:--editor-cmd *:--extdiff *:--tool *:--config-option *:--ssh *:--remotecmd",
                ),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
];

const GIT: Verbs = Verbs {
    flags: "--no-pager --bare --no-replace-objects --literal-pathspecs --no-optional-locks --glob-pathspecs -P",
    valued: "-C --git-dir --work-tree --namespace",
    verbs: &[
        (
            READ,
            "status log diff show blame annotate grep ls-files ls-tree ls-remote rev-parse rev-list describe shortlog cat-file name-rev merge-base \
             diff-tree diff-index diff-files for-each-ref show-ref show-branch count-objects verify-commit verify-tag check-ignore check-attr whatchanged \
             var version help fsck range-diff cherry diffstat request-pull check-ref-format patch-id \
             branch:= branch:=-a branch:=-r branch:=-v branch:=-vv branch:=-av branch:=-avv branch:^--list branch:^-l branch:=--show-current branch:^--contains branch:^--merged remote:= remote:=-v stash:list stash:show remote:show remote:get-url config:=--list config:=-l config:^--get config:^--get-all config:^get config:=list reflog:= tag:= notes:= worktree:=list submodule:=status \
             tag:^-l tag:^--list bisect:log reflog:show notes:show notes:list bundle:verify sparse-checkout:list lfs:ls-files lfs:status",
        ),
        (
            VCS,
            "add commit merge switch tag stash fetch am apply cherry-pick mv notes branch remote symbolic-ref update-ref update-index read-tree \
             write-tree commit-tree hash-object pack-refs replace config revert worktree sparse-checkout reflog repack rerere maintenance \
             remote-update mktag mktree unpack-objects index-pack fetch-pack",
        ),
        (VCS.and(WORK), "clone init pull checkout submodule subtree archive format-patch bundle"),
        (VCS.and(PUBLISH), "push send-email imap-send svn"),
        (
            VCS.and(PUBLISH).and(DESTROY),
            "push:--force push:-f push:--force-with-lease push:--force-if-includes push:--mirror push:--delete push:-d push:--prune",
        ),
        (
            REWRITE,
            "reset:--hard reset:--merge reset:--keep clean rm filter-branch filter-repo gc prune reflog:expire reflog:delete stash:drop stash:clear \
             branch:-D branch:-d branch:--delete branch:-f branch:--force branch:-M branch:-C tag:-d tag:--delete tag:-f tag:--force checkout:-f checkout:--force checkout:-B \
             switch:-f switch:--force switch:--discard-changes switch:-C worktree:remove worktree:prune remote:remove remote:rm restore \
             update-ref:-d commit:--amend submodule:deinit checkout:-- checkout:. repack:-d prune-packed read-tree:--reset",
        ),
        (VCS, "reset"),
        (VCS, "rebase"),
        (HOME, "config:--global"),
        (SYSTEM, "config:--system"),
        (SECRET, "credential credential-store credential-cache"),
        (NET, "daemon instaweb"),
        (
            OPAQUE,
            "bisect:run submodule:foreach rebase:--exec rebase:-x difftool mergetool filter-branch fetch:--upload-pack pull:--upload-pack clone:--upload-pack clone:-u \
             clone:-c clone:--config clone:--template init:--template push:--receive-pack push:--exec ls-remote:--upload-pack grep:-O grep:--open-files-in-pager \
             log:--ext-diff diff:--ext-diff show:--ext-diff archive:--remote archive:--exec fetch-pack:--upload-pack send-pack for-each-repo hook shell upload-pack receive-pack \
             config:--edit config:-e rebase:-i rebase:--interactive add:-e add:--edit send-email:--smtp-server svn:--username submodule:--upload-pack bundle:--exec \
             remote:update-helper lfs gui citool web--browse maintenance:register config:edit request-pull:--exec diff:--textconv merge:-s merge:--strategy rebase:-s rebase:--strategy",
        ),
        (
            OPAQUE,
            "config:alias config:core.sshCommand config:core.pager config:core.editor config:core.hooksPath config:core.fsmonitor",
        ),
    ],
    otherwise: OPAQUE,
    alone: READ,
};
