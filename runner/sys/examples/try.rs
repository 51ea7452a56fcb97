use opaque_sys::image::*;
use opaque_sys::*;
use std::ffi::CString;
use std::os::unix::fs::MetadataExt;
fn c(s: &str) -> CString {
    CString::new(s).unwrap()
}
fn ino(p: &str) -> Inode {
    let m = std::fs::metadata(p).unwrap();
    Inode { device: m.dev(), number: m.ino() }
}
fn bind(p: &str, a: Access) -> Entry {
    let pt = if std::fs::metadata(p).unwrap().is_dir() { MountPoint::Directory } else { MountPoint::File };
    Entry::new(c(&p[1..]), Content::Bind { source: c(p), inode: ino(p), point: pt, access: a })
}
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let uid = unsafe { libc::getuid() };
    let gid = unsafe { libc::getgid() };
    let t0 = std::time::Instant::now();
    let mut entries = vec![bind("/usr", Access::ReadOnly)];
    for l in ["bin", "lib", "lib64", "sbin"] {
        entries.push(Entry::new(c(l), Content::Symlink(c(&format!("usr/{l}")))));
    }
    entries.push(Entry::new(c("etc"), Content::Directory));
    entries.push(Entry::new(
        c("etc/passwd"),
        Content::File { text: b"root:x:0:0::/root:/bin/sh\n".to_vec(), access: Access::ReadOnly },
    ));
    for f in ["/etc/ld.so.cache", "/etc/alternatives", "/etc/services", "/etc/protocols"] {
        entries.push(bind(f, Access::ReadOnly));
    }
    entries.push(Entry::new(c("dev"), Content::Directory));
    for d in ["null", "zero", "full", "random", "urandom", "tty"] {
        entries.push(Entry::new(c(&format!("dev/{d}")), Content::Device { source: c(&format!("/dev/{d}")) }));
    }
    entries.push(Entry::new(c("dev/pts"), Content::Pts));
    entries.push(Entry::new(c("dev/shm"), Content::Private { mode: 0o1777 }));
    entries.push(Entry::new(c("proc"), Content::Proc));
    entries.push(Entry::new(c("tmp"), Content::Private { mode: 0o1777 }));
    entries.push(Entry::new(c("run"), Content::Private { mode: 0o755 }));
    entries.push(Entry::new(c("root"), Content::Private { mode: 0o700 }));
    let prog = std::fs::canonicalize(&args[0]).unwrap();
    let prog = prog.to_str().unwrap();
    if !prog.starts_with("/usr") {
        entries.push(Entry::new(c("var"), Content::Directory));
        let d = "/var/tmp";
        entries.push(bind(d, Access::ReadWrite));
    }
    let n = entries.len();
    let image = Image {
        identity: Identity { uid, gid, map: if uid == 0 { IdMap::Full } else { IdMap::Single } },
        entries,
        scratch: Scratch { size: c("1073741824"), inodes: c("200000") },
        ruleset: landlock::create_ruleset().unwrap(),
        filter: seccomp::Filter::compile(seccomp::Profile::Default).unwrap(),
        cwd: Place { path: c("/tmp"), inode: None },
        exec: Exec {
            file: Place { path: c(prog), inode: Some(ino(prog)) },
            script: None,
            argv: CStrings::new(args.iter().map(|a| c(a)).collect()),
            env: CStrings::new(vec![c("PATH=/usr/bin:/bin")]),
        },
        limits: vec![],
        umask: 0o022,
        streams: [None, None, None],
        joins_cgroups: false,
        fault: fault::Fault::from_environment(),
    };
    let t1 = t0.elapsed();
    signals::block_all().unwrap();
    let s = match spawn(image) {
        Ok(s) => s,
        Err(f) => {
            eprintln!("spawn {f:?}");
            std::process::exit(125)
        }
    };
    let t2 = t0.elapsed();
    let mut t3 = t2;
    loop {
        match s.channel.receive().unwrap() {
            Some(channel::Message::Ready(_)) => {
                t3 = t0.elapsed();
                s.channel.go().unwrap();
            }
            Some(channel::Message::Ended(e)) => {
                let t4 = t0.elapsed();
                if std::env::var("T").is_ok() {
                    eprintln!("{n} entries prep {t1:?} cloned {t2:?} ready {t3:?} ended {t4:?} {e:?}");
                }
                break;
            }
            m => {
                eprintln!("{m:?}");
                break;
            }
        }
    }
}
