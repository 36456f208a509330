//! What has no end but the one that the jail makes, and what is left when a prisoner ends.

use std::{
    fs::{self, File},
    io,
    os::fd::{AsRawFd, IntoRawFd},
    process::exit,
    thread,
    time::Duration,
};

/// Long enough that the jail looks at what there is.
const A_WHILE: Duration = Duration::from_secs(60);

/// Makes files of this size.
pub fn make_files(bytes: usize) -> ! {
    let contents = vec![1; bytes];
    let mut at = 0u64;
    loop {
        let _ = fs::write(format!("out/{at}"), &contents);
        at += 1;
    }
}

pub fn start_threads() -> ! {
    loop {
        let small = thread::Builder::new().stack_size(16 << 10);
        let _ = small.spawn(|| thread::sleep(A_WHILE));
    }
}

/// Fills the disk with files that no folder shows.
pub fn hold_nameless_files(mapped: bool) -> ! {
    let mut held = Vec::new();
    loop {
        let Ok(file) = File::options().read(true).write(true).create(true).truncate(true).open("out/held")
        else {
            break;
        };
        let _ = io::copy(&mut io::Read::take(io::repeat(1), 2 << 20), &mut &file);
        let _ = fs::remove_file("out/held");
        if mapped {
            let (no_address, private) = (std::ptr::null_mut(), libc::MAP_PRIVATE);
            // SAFETY: a new mapping, which nothing refers to.
            unsafe { libc::mmap(no_address, 4096, libc::PROT_READ, private, file.as_raw_fd(), 0) };
        } else {
            held.push(file);
        }
    }
    println!("held {} files", held.len());
    exit(0);
}

/// A folder in which its owner may write, but that its owner cannot list.
pub fn hide_files() -> ! {
    let hidden = c"out/hidden";
    // SAFETY: a valid path.
    unsafe { libc::mkdir(hidden.as_ptr(), 0o300) };
    for at in 0.. {
        if fs::write(format!("out/hidden/{at}"), vec![1; 1 << 20]).is_err() {
            break;
        }
    }
    exit(0);
}

/// Nests folders as deep as it goes, and stays until it is ended.
pub fn nest_folders() -> ! {
    let mut folder = File::open("out").expect("a folder").into_raw_fd();
    let (name, mode) = (c"d", 0o700);
    for _ in 0..3_000 {
        // SAFETY: a valid name, in a folder that is open.
        unsafe {
            libc::mkdirat(folder, name.as_ptr(), mode);
            let inner = libc::openat(folder, name.as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY);
            libc::close(folder);
            folder = inner;
        }
    }
    // What ends before anybody looks is removed all the same.
    exit(0);
}

/// Each process keeps to its limit; all of them together do not.
pub fn share_out_memory() -> ! {
    for _ in 0..8 {
        // SAFETY: this process has one thread.
        if unsafe { libc::fork() } == 0 {
            let kept = vec![1u8; 64 << 20];
            thread::sleep(A_WHILE);
            exit(kept[0].into());
        }
    }
    thread::sleep(A_WHILE);
    exit(0);
}

pub fn hold_sockets() -> ! {
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    let mut ends = [0; 2];
    // SAFETY: two numbers are written where two numbers are.
    while unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } == 0 {}
    thread::sleep(A_WHILE);
    exit(0);
}

/// Children of children whose parents are gone.
pub fn leave_zombies() -> ! {
    for _ in 0..50 {
        // SAFETY: this process has one thread.
        if unsafe { libc::fork() } == 0 {
            // SAFETY: as above.
            if unsafe { libc::fork() } == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            exit(0);
        }
    }
    println!("started");
    exit(0);
}
