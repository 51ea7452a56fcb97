//! Programs that change the machine: services, accounts, devices, networks, rights.

use super::super::plain::{Effect, Plain, READS, always};
use super::super::program::Known::{Plain as Simple, Verbs as ByVerb};
use super::super::set::{DESTROY, HOME, NET, OPAQUE, PRIVILEGE, READ, SECRET, SYSTEM};
use super::super::verbs::Verbs;
use super::Row;

pub(super) static ROWS: &[Row] = &[
    (
        "systemctl service rc-service launchctl initctl sv",
        ByVerb(Verbs {
            flags: "--user --system --no-pager -q --quiet --no-legend --plain --now --all -a --failed -l",
            valued: "-n --lines -t --type --state",
            verbs: &[
                (
                    READ,
                    "status list-units list-unit-files list-timers list-sockets list-dependencies is-active is-enabled is-failed show cat help get-default list print",
                ),
                (
                    SYSTEM.and(DESTROY),
                    "poweroff reboot halt kexec rescue emergency isolate kill clean suspend hibernate soft-reboot",
                ),
                (SYSTEM.and(OPAQUE), "edit set-environment import-environment link submit load bootstrap asuser"),
                (
                    SYSTEM,
                    "start stop restart reload enable disable mask unmask daemon-reload set-property set-default preset try-restart reenable revert",
                ),
                (OPAQUE, "*:-H *:--host *:-M *:--machine *:--root *:--image"),
            ],
            otherwise: SYSTEM,
            alone: READ,
        }),
    ),
    (
        "journalctl",
        Simple(Plain {
            options: &[(
                "--vacuum-size --vacuum-time --vacuum-files --rotate --flush --sync --setup-keys",
                Effect::Adds(SYSTEM.and(DESTROY)),
            )],
            ..READS
        }),
    ),
    ("dmesg", Simple(Plain { options: &[("-C --clear -c --read-clear -n -D -E", Effect::Adds(SYSTEM))], ..READS })),
    ("mount", Simple(always(SYSTEM.and(PRIVILEGE)))),
    (
        "umount swapon swapoff losetup fusermount fusermount3 cryptsetup udisksctl eject modprobe insmod rmmod depmod kmod",
        Simple(always(SYSTEM)),
    ),
    ("lsmod modinfo loginctl-list timedatectl-status blkid", Simple(READS)),
    (
        "timedatectl localectl loginctl update-grub grub-install grub-mkconfig update-initramfs dracut ldconfig hwclock date-set chsh chfn",
        Simple(always(SYSTEM)),
    ),
    (
        "mkfs mke2fs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkswap wipefs fdisk sfdisk cfdisk gdisk sgdisk parted blkdiscard hdparm \
         lvremove vgremove pvremove lvcreate vgcreate pvcreate lvresize resize2fs tune2fs fsck e2fsck mdadm zfs zpool btrfs badblocks nvme",
        Simple(always(DESTROY.and(SYSTEM))),
    ),
    (
        "useradd userdel usermod groupadd groupdel groupmod adduser deluser addgroup delgroup gpasswd vipw visudo vigr chage newusers",
        Simple(always(SYSTEM.and(PRIVILEGE))),
    ),
    ("passwd chpasswd", Simple(always(SYSTEM.and(SECRET)))),
    (
        "setcap setfcap chcon restorecon semanage setenforce setsebool aa-enforce aa-complain apparmor_parser semodule",
        Simple(always(SYSTEM.and(PRIVILEGE))),
    ),
    (
        "ip",
        ByVerb(Verbs {
            flags: "-4 -6 -j -json -p -br -brief -c -color -s -o -d -h",
            valued: "-f",
            verbs: &[
                (
                    READ,
                    "a:= addr:= address:= l:= link:= r:= route:= n:= neigh:= rule:= addr:show address:show a:show link:show l:show route:show route:get r:show r:get neigh:show rule:show addr:list link:list route:list netns:list \
                     a:s r:s addr:s addr:ls link:ls route:ls monitor help",
                ),
                (NET, "addr address a link l route r rule neigh neighbour n tunnel maddress netns"),
                (OPAQUE, "netns:exec n:exec vrf:exec netns:e"),
            ],
            otherwise: NET.and(OPAQUE),
            alone: READ,
        }),
    ),
    (
        "iptables ip6tables iptables-restore ip6tables-restore iptables-save-to nft ufw firewall-cmd ebtables arptables ipset ifconfig ifup ifdown route nmcli nmtui \
         iw iwconfig wpa_cli wpa_supplicant dhclient dhcpcd resolvectl hostnamectl networksetup scutil tc bridge brctl wg wg-quick openvpn tailscale ethtool-set pfctl \
         hostname domainname systemd-resolve ethtool vconfig arp",
        Simple(always(NET)),
    ),
    ("iptables-save ip6tables-save", Simple(READS)),
    ("sysctl", Simple(always(SYSTEM.and(NET)))),
    ("tcpdump tshark dumpcap wireshark nmap masscan ettercap arpspoof", Simple(always(NET.and(OPAQUE)))),
    ("kill pkill killall killall5 skill xkill fuser", Simple(always(DESTROY))),
    ("renice ionice-set prlimit", Simple(always(SYSTEM))),
    ("shutdown reboot poweroff halt init telinit", Simple(always(SYSTEM.and(DESTROY)))),
    ("crontab at batch atrm anacron", Simple(always(SYSTEM.and(OPAQUE)))),
    ("atq crontab-list last lastlog lastb faillog", Simple(READS)),
    ("newgrp sg login", Simple(always(PRIVILEGE.and(OPAQUE)))),
    ("systemd-run systemd-nspawn machinectl run0 bwrap firejail", Simple(always(PRIVILEGE.and(OPAQUE)))),
    (
        "gpg gpg2 pass security secret-tool keyctl op bw lpass vault age age-keygen rage sops ssh-keygen ssh-add ssh-agent ssh-copy-id ssh-keyscan kinit klist kdestroy \
         openssl certutil keytool htpasswd gnome-keyring-daemon kwallet-query gopass doppler chamber",
        Simple(always(SECRET)),
    ),
    ("dconf gsettings defaults xfconf-query kwriteconfig5 xdg-settings xdg-mime", Simple(always(HOME))),
    ("logger wall write mesg", Simple(always(SYSTEM))),
];
