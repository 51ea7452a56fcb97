//! Containers, clusters and hosted services.

use super::super::plain::always;
use super::super::program::Known::{Plain as Simple, Verbs as ByVerb};
use super::super::set::{DESTROY, NET, OPAQUE, PKG, PRIVILEGE, PUBLISH, READ, SECRET, SYSTEM, VCS, WORK};
use super::super::verbs::Verbs;
use super::Row;

pub(super) static ROWS: &[Row] = &[
    (
        "docker podman nerdctl buildah docker-compose",
        ByVerb(Verbs {
            flags: "-D --debug",
            valued: "-l --log-level",
            verbs: &[
                (
                    READ,
                    "ps images logs inspect version info history top stats port diff search events container:ls container:inspect container:logs container:list image:ls image:inspect \
                     image:history volume:ls volume:inspect network:ls network:inspect system:df system:info compose:ps compose:logs compose:config compose:ls compose:images",
                ),
                (PKG, "pull image:pull compose:pull load import"),
                (WORK, "save export cp"),
                (PUBLISH, "push image:push compose:push manifest"),
                (SECRET, "login logout secret"),
                (
                    SYSTEM,
                    "start stop restart pause unpause tag rename update network volume context swarm service node container image system builder buildx plugin stack commit wait attach compose:stop compose:start compose:restart compose:pause",
                ),
                (
                    DESTROY.and(SYSTEM),
                    "rm rmi kill system:prune image:rm image:prune container:rm container:prune container:kill volume:rm volume:prune network:rm network:prune builder:prune \
                     compose:down compose:rm compose:kill buildx:prune",
                ),
                (
                    OPAQUE,
                    "run exec build create compose container:run container:exec container:create image:build buildx:build buildx:bake compose:up compose:run compose:exec compose:build attach",
                ),
                (
                    PRIVILEGE,
                    "run:--privileged run:-v run:--volume run:--mount run:--pid run:--cap-add run:--device run:--userns run:--ipc run:--security-opt run:--cgroupns \
                     create:--privileged create:-v create:--volume create:--mount exec:--privileged plugin:install",
                ),
                (NET, "run:--network run:--net run:-p run:--publish network:create network:connect"),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
    (
        "kubectl oc k3s-kubectl",
        ByVerb(Verbs {
            flags: "",
            valued: "-n --namespace --context --cluster",
            verbs: &[
                (
                    READ,
                    "get describe logs top explain version api-resources api-versions cluster-info events diff rollout:status rollout:history config:get-contexts config:current-context",
                ),
                (
                    SECRET,
                    "get:secret get:secrets describe:secret describe:secrets config config:view create:secret create:token auth certificate login",
                ),
                (PUBLISH.and(SYSTEM), "expose"),
                (
                    SYSTEM,
                    "apply create patch edit scale autoscale set label annotate rollout cordon uncordon taint config:use-context config:set-context wait",
                ),
                (DESTROY.and(SYSTEM), "delete drain replace"),
                (OPAQUE, "exec run debug attach cp plugin proxy kustomize"),
                (NET, "port-forward proxy"),
                (OPAQUE, "*:--kubeconfig *:--server *:-s"),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
    (
        "gh glab hub",
        ByVerb(Verbs {
            flags: "",
            valued: "-R --repo",
            verbs: &[
                (
                    READ,
                    "status search browse help version pr:list pr:view pr:status pr:diff pr:checks issue:list issue:view issue:status repo:list repo:view run:list run:view run:watch \
                     release:list release:view workflow:list workflow:view gist:list gist:view label:list",
                ),
                (VCS, "pr:checkout mr:checkout co"),
                (VCS.and(WORK), "repo:clone gist:clone run:download release:download"),
                (PUBLISH, "pr issue repo release gist label workflow run mr project cache ruleset variable"),
                (PUBLISH.and(VCS), "pr:create pr:merge pr:close pr:reopen repo:fork repo:sync mr:create mr:merge"),
                (
                    PUBLISH.and(DESTROY),
                    "repo:delete release:delete issue:delete gist:delete run:delete cache:delete label:delete repo:archive release:delete-asset variable:delete",
                ),
                (SECRET, "auth secret ssh-key gpg-key config token"),
                (PUBLISH.and(DESTROY).and(SECRET), "api"),
                (OPAQUE, "alias extension codespace copilot"),
            ],
            otherwise: OPAQUE,
            alone: READ,
        }),
    ),
    (
        "aws gcloud gsutil az doctl heroku flyctl fly vercel netlify wrangler firebase linode-cli hcloud s3cmd rclone terraform tofu pulumi ansible ansible-playbook helm",
        Simple(always(SECRET.and(PUBLISH).and(SYSTEM).and(DESTROY).and(OPAQUE))),
    ),
    ("psql mysql mariadb sqlite3 mongo mongosh redis-cli pg_restore", Simple(always(SECRET.and(DESTROY).and(OPAQUE)))),
    ("pg_dump mysqldump", Simple(always(SECRET.and(WORK)))),
    ("dropdb dropuser", Simple(always(DESTROY.and(SECRET)))),
    ("createdb createuser", Simple(always(SYSTEM.and(SECRET)))),
    ("mail mailx sendmail mutt msmtp swaks", Simple(always(PUBLISH.and(OPAQUE)))),
];
