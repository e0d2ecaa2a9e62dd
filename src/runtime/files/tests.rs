use super::*;

/// A directory of this test's own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("wanbox-files-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn paths_stay_under_the_prefix() {
    let root = Root::new(Some(Path::new("/srv/lab")));
    assert_eq!(
        root.path("/etc/wanpipe/wanpipe1.conf"),
        Path::new("/srv/lab/etc/wanpipe/wanpipe1.conf")
    );
    assert_eq!(
        root.path("etc/./../../../run"),
        Path::new("/srv/lab/run"),
        "climbing stops at the prefix"
    );
    assert_eq!(root.run_dir(), Path::new("/srv/lab/run/wanbox"));
    assert!(!root.is_system());
    let system = Root::new(Some(Path::new("/")));
    assert_eq!(system.path("/etc/hosts"), Path::new("/etc/hosts"));
    assert!(system.is_system());
}

#[test]
fn a_relative_prefix_becomes_absolute() {
    let root = Root::new(Some(Path::new("lab")));
    assert!(root.prefix().is_absolute());
    assert!(root.prefix().ends_with("lab"));
}

#[test]
fn makes_the_run_directory() {
    let scratch = Scratch::new("run");
    let root = Root::new(Some(&scratch.0));
    let run = root.make_run_dir().unwrap();
    assert!(run.is_dir() && root.monitor_dir().is_dir());
    root.make_run_dir().unwrap();
}

#[test]
fn writes_whole_files_with_their_mode() {
    let scratch = Scratch::new("atomic");
    let path = scratch.0.join("state");
    for write in [write_atomic, write_durable] {
        write(&path, b"first", 0o644).unwrap();
        write(&path, b"second", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }
    let names: Vec<_> = fs::read_dir(&scratch.0).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary file is left");
    let error = write_atomic(&scratch.0.join("no/such"), b"", 0o644).unwrap_err();
    assert!(error.is_absent(), "{error}");
}

#[test]
fn a_new_file_replaces_none() {
    let scratch = Scratch::new("new");
    let path = scratch.0.join("record");
    assert!(write_new(&path, b"first", 0o640).unwrap());
    assert!(!write_new(&path, b"second", 0o640).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
    assert!(write_new(&scratch.0.join("no/such"), b"", 0o644).is_err());
}

#[test]
fn reads_are_limited_and_of_regular_files_only() {
    let scratch = Scratch::new("read");
    let path = scratch.0.join("text");
    fs::write(&path, "12345678").unwrap();
    assert_eq!(read_text(&path, 8).unwrap(), "12345678");
    let error = read(&path, 7).unwrap_err();
    assert!(matches!(error.problem, FileProblem::TooLong { limit: 7 }));
    fs::write(&path, b"ab\xffcd").unwrap();
    let error = read_text(&path, 100).unwrap_err();
    assert!(matches!(error.problem, FileProblem::NotText { offset: 2 }));

    let fifo = scratch.0.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = read(&fifo, 10).unwrap_err();
    assert!(matches!(error.problem, FileProblem::NotAFile), "{error}");
    let error = read(&scratch.0, 10).unwrap_err();
    assert!(matches!(error.problem, FileProblem::NotAFile), "{error}");
    assert!(read(&scratch.0.join("none"), 10).unwrap_err().is_absent());
    assert!(!read(Path::new("/proc/self/stat"), 4096).unwrap().is_empty());
}

#[test]
fn a_secret_open_to_others_is_refused() {
    let scratch = Scratch::new("secret");
    let path = scratch.0.join("key");
    write_atomic(&path, b"sesame", 0o600).unwrap();
    assert_eq!(read_secret(&path, 100).unwrap(), b"sesame");
    for mode in [0o640, 0o604, 0o620, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = read_secret(&path, 100).unwrap_err();
        assert!(
            matches!(error.problem, FileProblem::OpenToOthers { mode: m } if m == mode),
            "{error}"
        );
        assert!(!error.to_string().contains("sesame"));
    }
}

#[test]
fn one_holder_a_lock() {
    let scratch = Scratch::new("lock");
    let path = scratch.0.join("lock");
    assert!(!is_locked(&path).unwrap());
    let lock = Lock::acquire(&path).unwrap();
    assert!(is_locked(&path).unwrap());
    let error = Lock::acquire(&path).unwrap_err();
    assert!(matches!(error.problem, FileProblem::Locked), "{error}");
    drop(lock);
    assert!(path.exists());
    assert!(!is_locked(&path).unwrap());
    Lock::acquire(&path).unwrap().remove();
    assert!(!path.exists());
}

#[test]
fn removing_a_lock_spares_a_file_that_replaced_it() {
    let scratch = Scratch::new("replaced");
    let path = scratch.0.join("lock");
    let old = Lock::acquire(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let new = Lock::acquire(&path).unwrap();
    old.remove();
    assert!(path.exists());
    assert!(is_locked(&path).unwrap());
    drop(new);
}

#[test]
fn long_socket_paths_are_shortened() {
    let scratch = Scratch::new("socket");
    let deep = scratch.0.join("d".repeat(100)).join("e".repeat(100));
    fs::create_dir_all(&deep).unwrap();
    let path = deep.join("control");
    let short = SocketPath::new(&path).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(short.as_path()).unwrap();
    assert!(path.exists());
    std::os::unix::net::UnixStream::connect(SocketPath::new(&path).unwrap().as_path()).unwrap();
    drop(listener);
    let error = SocketPath::new(&deep.join("n".repeat(120))).unwrap_err();
    assert!(matches!(error.problem, FileProblem::SocketPathTooLong));
}

#[test]
fn rewritten_files_keep_what_is_not_their_content() {
    let scratch = Scratch::new("rewrite");
    let file = scratch.0.join("wanpipe1.conf");
    let link = scratch.0.join("link");
    rewrite(&file, b"one", 0o640, 0o777).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&file), 0o640);
    assert!(!scratch.0.join("wanpipe1.conf.bak").exists());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
    std::os::unix::fs::symlink("wanpipe1.conf", &link).unwrap();
    rewrite(&link, b"two", 0o640, 0o777).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(&file, 10).unwrap(), b"two");
    assert_eq!(mode(&file), 0o604);
    assert_eq!(
        read(&scratch.0.join("wanpipe1.conf.bak"), 10).unwrap(),
        b"one"
    );
    rewrite(&file, b"secret", 0o640, 0o600).unwrap();
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&scratch.0.join("wanpipe1.conf.bak")), 0o600);
    retire(&file).unwrap();
    retire(&file).unwrap();
    assert!(!file.exists());
    assert_eq!(
        read(&scratch.0.join("wanpipe1.conf.bak"), 10).unwrap(),
        b"secret"
    );
}
