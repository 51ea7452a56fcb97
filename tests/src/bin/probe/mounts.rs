//! Acts on mounts and roots. Tests run the twins outside in a mount namespace of their own.

use crate::{Act, Attempt, answer, argument, c_string};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("mount", mount),
    ("bind", bind),
    ("remount-writable", remount_writable),
    ("unmount", unmount),
    ("fsopen", fsopen),
    ("open-tree", open_tree),
    ("move-mount", move_mount),
    ("mount-setattr", mount_setattr),
    ("pivot-root", pivot_root),
    ("chroot", chroot),
];

const OPEN_TREE_CLONE: libc::c_long = 1;

fn done(result: impl Into<i64>) -> Attempt {
    answer(result).map(|_| String::new())
}

fn mount(arguments: &[String]) -> Attempt {
    let target = c_string(argument(arguments, 0));
    // SAFETY: every string ends in NUL; no data is passed.
    done(unsafe {
        libc::mount(c"tmpfs".as_ptr(), target.as_ptr(), c"tmpfs".as_ptr(), libc::MS_NOSUID, std::ptr::null())
    })
}

fn bind(arguments: &[String]) -> Attempt {
    let (source, target) = (c_string(argument(arguments, 0)), c_string(argument(arguments, 1)));
    // SAFETY: every string ends in NUL; no data is passed.
    done(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), std::ptr::null(), libc::MS_BIND, std::ptr::null()) })
}

/// Changes nothing but the flags of the mount that the path is the root of.
fn remount_writable(arguments: &[String]) -> Attempt {
    let target = c_string(argument(arguments, 0));
    let flags = libc::MS_REMOUNT | libc::MS_BIND;
    // SAFETY: every string ends in NUL; no data is passed.
    done(unsafe { libc::mount(std::ptr::null(), target.as_ptr(), std::ptr::null(), flags, std::ptr::null()) })
}

fn unmount(arguments: &[String]) -> Attempt {
    let target = c_string(argument(arguments, 0));
    // SAFETY: the path ends in NUL.
    done(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) })
}

fn fsopen(_: &[String]) -> Attempt {
    // SAFETY: the name ends in NUL.
    done(unsafe { libc::syscall(libc::SYS_fsopen, c"tmpfs".as_ptr(), 1) })
}

fn clone_tree(path: &str) -> Result<i64, i32> {
    let path = c_string(path);
    // SAFETY: the path ends in NUL.
    answer(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), OPEN_TREE_CLONE) })
}

fn open_tree(arguments: &[String]) -> Attempt {
    clone_tree(argument(arguments, 0)).map(|_| String::new())
}

/// Clones the first path's tree onto the second path.
fn move_mount(arguments: &[String]) -> Attempt {
    let tree = clone_tree(argument(arguments, 0)).unwrap_or(-1);
    let target = c_string(argument(arguments, 1));
    const FROM_EMPTY_PATH: libc::c_long = 4;
    // SAFETY: both strings end in NUL.
    done(unsafe {
        libc::syscall(libc::SYS_move_mount, tree, c"".as_ptr(), libc::AT_FDCWD, target.as_ptr(), FROM_EMPTY_PATH)
    })
}

/// Sets `nosuid` on the mount that the path is the root of.
fn mount_setattr(arguments: &[String]) -> Attempt {
    let target = c_string(argument(arguments, 0));
    let attributes: [u64; 4] = [2, 0, 0, 0];
    // SAFETY: the path ends in NUL; the attributes have the size that is passed.
    done(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            0,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    })
}

/// Makes the path a mount where it can and pivots into it.
fn pivot_root(arguments: &[String]) -> Attempt {
    let target = argument(arguments, 0);
    let bound = bind(&[target.to_owned(), target.to_owned()]);
    std::env::set_current_dir(target).map_err(crate::os)?;
    // SAFETY: both paths end in NUL.
    let pivoted = done(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) });
    pivoted.and(bound)
}

fn chroot(arguments: &[String]) -> Attempt {
    let target = c_string(argument(arguments, 0));
    // SAFETY: the path ends in NUL.
    done(unsafe { libc::chroot(target.as_ptr()) })
}
