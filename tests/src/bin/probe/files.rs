//! Acts on files and directories.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};

use crate::{Act, Attempt, answer, argument, c_string, number, os};

pub(crate) const ACTS: &[(&str, Act)] = &[
    ("read", read),
    ("stat", stat),
    ("list", list),
    ("write", write),
    ("append", append),
    ("unlink", unlink),
    ("rename", rename),
    ("exchange", exchange),
    ("mkdir", mkdir),
    ("rmdir", rmdir),
    ("symlink", make_symlink),
    ("link", link),
    ("chmod", chmod),
    ("chown", chown),
    ("touch", touch),
    ("truncate", truncate),
    ("set-attribute", set_attribute),
    ("open-write", open_write),
    ("rewrite", rewrite),
    ("reopen-for-write", reopen_for_write),
    ("temporary-file", temporary_file),
    ("mknod", mknod),
];

fn read(arguments: &[String]) -> Attempt {
    let mut content = Vec::new();
    let file = File::open(argument(arguments, 0)).map_err(os)?;
    file.take(65_536).read_to_end(&mut content).map_err(os)?;
    Ok(String::from_utf8_lossy(&content).trim_end().replace('\0', " "))
}

fn stat(arguments: &[String]) -> Attempt {
    let metadata = fs::symlink_metadata(argument(arguments, 0)).map_err(os)?;
    Ok(format!("uid={} gid={} mode={:o}", metadata.uid(), metadata.gid(), metadata.mode()))
}

fn list(arguments: &[String]) -> Attempt {
    let mut names = Vec::new();
    for entry in fs::read_dir(argument(arguments, 0)).map_err(os)? {
        names.push(entry.map_err(os)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

fn write(arguments: &[String]) -> Attempt {
    fs::write(argument(arguments, 0), argument(arguments, 1)).map_err(os)?;
    Ok(String::new())
}

fn append(arguments: &[String]) -> Attempt {
    let mut file = OpenOptions::new().append(true).create(true).open(argument(arguments, 0)).map_err(os)?;
    file.write_all(argument(arguments, 1).as_bytes()).map_err(os)?;
    Ok(String::new())
}

fn unlink(arguments: &[String]) -> Attempt {
    fs::remove_file(argument(arguments, 0)).map(|()| String::new()).map_err(os)
}

fn rename(arguments: &[String]) -> Attempt {
    fs::rename(argument(arguments, 0), argument(arguments, 1)).map(|()| String::new()).map_err(os)
}

fn exchange(arguments: &[String]) -> Attempt {
    let (one, other) = (c_string(argument(arguments, 0)), c_string(argument(arguments, 1)));
    // SAFETY: both paths end in NUL and outlive the call.
    answer(unsafe {
        libc::renameat2(libc::AT_FDCWD, one.as_ptr(), libc::AT_FDCWD, other.as_ptr(), libc::RENAME_EXCHANGE)
    })?;
    Ok(String::new())
}

fn mkdir(arguments: &[String]) -> Attempt {
    fs::create_dir(argument(arguments, 0)).map(|()| String::new()).map_err(os)
}

fn rmdir(arguments: &[String]) -> Attempt {
    fs::remove_dir(argument(arguments, 0)).map(|()| String::new()).map_err(os)
}

fn make_symlink(arguments: &[String]) -> Attempt {
    symlink(argument(arguments, 0), argument(arguments, 1)).map(|()| String::new()).map_err(os)
}

fn link(arguments: &[String]) -> Attempt {
    fs::hard_link(argument(arguments, 0), argument(arguments, 1)).map(|()| String::new()).map_err(os)
}

fn chmod(arguments: &[String]) -> Attempt {
    let mode = u32::from_str_radix(argument(arguments, 0), 8).expect("the mode is octal");
    fs::set_permissions(argument(arguments, 1), fs::Permissions::from_mode(mode)).map(|()| String::new()).map_err(os)
}

fn chown(arguments: &[String]) -> Attempt {
    let (uid, gid): (u32, u32) = (number(arguments, 0), number(arguments, 1));
    std::os::unix::fs::chown(argument(arguments, 2), Some(uid), Some(gid)).map(|()| String::new()).map_err(os)
}

fn touch(arguments: &[String]) -> Attempt {
    let path = c_string(argument(arguments, 0));
    // SAFETY: the path ends in NUL; no times means now.
    answer(unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), std::ptr::null(), 0) })?;
    Ok(String::new())
}

fn truncate(arguments: &[String]) -> Attempt {
    let path = c_string(argument(arguments, 0));
    // SAFETY: the path ends in NUL.
    answer(unsafe { libc::truncate(path.as_ptr(), 0) })?;
    Ok(String::new())
}

fn set_attribute(arguments: &[String]) -> Attempt {
    let path = c_string(argument(arguments, 0));
    // SAFETY: all three pointers live through the call and the length is that of the value.
    answer(unsafe { libc::setxattr(path.as_ptr(), c"user.probe".as_ptr(), b"1".as_ptr().cast(), 1, 0) })?;
    Ok(String::new())
}

/// Opens for writing and writes nothing.
fn open_write(arguments: &[String]) -> Attempt {
    OpenOptions::new().write(true).open(argument(arguments, 0)).map_err(os)?;
    Ok(String::new())
}

/// Writes a file's own content back into it.
fn rewrite(arguments: &[String]) -> Attempt {
    let path = argument(arguments, 0);
    let content = fs::read(path).map_err(os)?;
    OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(&content)).map_err(os)?;
    Ok(String::new())
}

/// Opens for reading, then again for writing through `/proc/self/fd`.
fn reopen_for_write(arguments: &[String]) -> Attempt {
    let file = File::open(argument(arguments, 0)).map_err(os)?;
    let again = format!("/proc/self/fd/{}", file.as_raw_fd());
    OpenOptions::new().write(true).open(again).map_err(os)?;
    Ok(String::new())
}

/// Makes a file without a name (`O_TMPFILE`) in a directory.
fn temporary_file(arguments: &[String]) -> Attempt {
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .mode(0o600)
        .open(argument(arguments, 0))
        .map_err(os)?;
    Ok(String::new())
}

fn mknod(arguments: &[String]) -> Attempt {
    let (kind, device) = match argument(arguments, 0) {
        "character" => (libc::S_IFCHR, libc::makedev(1, 3)),
        "block" => (libc::S_IFBLK, libc::makedev(7, 0)),
        "fifo" => (libc::S_IFIFO, 0),
        other => panic!("no such node: {other}"),
    };
    let path = c_string(argument(arguments, 1));
    // SAFETY: the path ends in NUL.
    answer(unsafe { libc::mknod(path.as_ptr(), kind | 0o600, device) })?;
    Ok(String::new())
}
