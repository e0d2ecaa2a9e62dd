//! A file that this process keeps mapped and changes in place, for others to read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use nix::fcntl::posix_fallocate;

use crate::files::FileError;

/// A mapped file. It stays when this is dropped; [`Mapping::remove`] takes it away, too.
///
/// Everything goes through atomic words, because other processes read the file, and could write it.
/// Nobody but its owner may open it, so nobody else can make it shorter.
#[derive(Debug)]
pub struct Mapping {
    words: NonNull<AtomicU64>,
    count: usize,
    path: PathBuf,
}

// SAFETY: the mapping belongs to this value alone, and its contents are atomic words.
unsafe impl Send for Mapping {}

impl Mapping {
    /// A new file of these octets, a multiple of 8, with nothing but zeroes, in the place of one
    /// that may be there: who has that open keeps it.
    ///
    /// # Errors
    /// Those of making, filling, mapping and renaming it; a file in the making is removed.
    pub fn create(path: &Path, octets: usize, mode: u32) -> Result<Self, FileError> {
        let fresh = path.with_added_extension("new");
        let made = Self::make(&fresh, octets, mode).and_then(|(words, count)| {
            let mapping = Self {
                words,
                count,
                path: path.to_owned(),
            };
            fs::rename(&fresh, path)?;
            Ok(mapping)
        });
        made.map_err(|error| {
            // It may not be there.
            let _ = fs::remove_file(&fresh);
            FileError::io(path, "make", error)
        })
    }

    fn make(path: &Path, octets: usize, mode: u32) -> io::Result<(NonNull<AtomicU64>, usize)> {
        if octets == 0 || !octets.is_multiple_of(size_of::<AtomicU64>()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        let length = i64::try_from(octets).map_err(|_| io::ErrorKind::InvalidInput)?;
        // Not only lengthened: where there is no room this fails, and no later access. Pages that
        // nothing is written to stay out of memory all the same.
        posix_fallocate(&file, 0, length)?;
        map(&file, octets)
    }

    /// The words of the file, in the byte order of this machine.
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: `make` mapped `count` words at this page-aligned address for reading and writing,
        // and they stay mapped until `drop`. The file has all its blocks and only its owner can
        // open it. Words are atomic: others may read and write them at any time.
        unsafe { slice::from_raw_parts(self.words.as_ptr(), self.count) }
    }

    /// Writes octets at a place, both multiples of 8. Words that have their value already are not
    /// written. `false`: that is not inside the file, and nothing was written.
    pub fn store(&self, place: usize, octets: &[u8]) -> bool {
        let word = size_of::<AtomicU64>();
        let (values, rest) = octets.as_chunks();
        let start = place / word;
        let Some(words) = self.words().get(start..start + values.len()) else {
            return false;
        };
        if !rest.is_empty() || !place.is_multiple_of(word) {
            return false;
        }
        for (word, value) in words.iter().zip(values) {
            let value = u64::from_ne_bytes(*value);
            if word.load(Ordering::Relaxed) != value {
                word.store(value, Ordering::Relaxed);
            }
        }
        true
    }

    /// Changes the file between two changes of its generation, the little-endian word at `place`:
    /// it is odd meanwhile. A reader that finds the same even generation before and after has read
    /// what was there at one moment.
    pub fn change(&self, place: usize, write: impl FnOnce(&Self)) {
        let Some(generation) = self.words().get(place / size_of::<AtomicU64>()) else {
            return;
        };
        let before = u64::from_le(generation.load(Ordering::Relaxed)) | 1;
        generation.store(before.to_le(), Ordering::Relaxed);
        fence(Ordering::Release);
        write(self);
        generation.store(before.wrapping_add(1).to_le(), Ordering::Release);
    }

    /// Writes a record, of a multiple of 8 octets, whose first word makes it whole: that is 0
    /// meanwhile, and set last.
    pub fn store_whole(&self, place: usize, record: &[u8]) -> bool {
        let Some((first, rest)) = record.split_first_chunk::<8>() else {
            return false;
        };
        let cleared = self.store(place, &[0; 8]);
        fence(Ordering::Release);
        let stored = cleared && self.store(place + first.len(), rest);
        fence(Ordering::Release);
        stored && self.store(place, first)
    }

    /// Takes the file away, if this is still the one that was made.
    pub fn remove(self) {
        // It may be gone; nothing depends on it.
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: these are the address and length that mmap gave, and no reference outlives self.
        unsafe {
            libc::munmap(
                self.words.as_ptr().cast(),
                self.count * size_of::<AtomicU64>(),
            );
        }
    }
}

fn map(file: &File, octets: usize) -> io::Result<(NonNull<AtomicU64>, usize)> {
    // SAFETY: a new mapping at an address of the kernel's choice; no existing memory changes.
    let address = unsafe {
        libc::mmap(
            ptr::null_mut(),
            octets,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let words = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
    Ok((words, octets / size_of::<AtomicU64>()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("wanbox-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn others_read_what_is_stored() {
        let directory = directory("mapping");
        let path = directory.join("x.map");
        let mapping = Mapping::create(&path, 4096, 0o600).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read(&path).unwrap(), [0; 4096]);
        assert!(mapping.store(8, b"stored octets..."));
        assert_eq!(
            &fs::read(&path).unwrap()[6..26],
            b"\0\0stored octets...\0\0"
        );
        for (place, octets) in [
            (4096, &[1; 8][..]),
            (4088, &[1; 16]),
            (4, &[1; 8]),
            (0, &[1; 7]),
        ] {
            assert!(!mapping.store(place, octets), "{place} {octets:?}");
        }
        mapping.change(0, |_| {
            assert_eq!(fs::read(&path).unwrap()[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        });
        assert_eq!(fs::read(&path).unwrap()[..8], [2, 0, 0, 0, 0, 0, 0, 0]);
        assert!(mapping.store_whole(64, b"numbered-record!"));
        assert_eq!(&fs::read(&path).unwrap()[64..80], b"numbered-record!");
        assert!(!mapping.store_whole(64, b"short"));
        mapping.remove();
        assert!(!path.exists());
        fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn a_file_of_another_process_is_replaced_not_changed() {
        let directory = directory("mapped");
        let path = directory.join("x.map");
        let old = Mapping::create(&path, 64, 0o600).unwrap();
        fs::write(directory.join("x.map.new"), "left by a crash").unwrap();
        let new = Mapping::create(&path, 64, 0o600).unwrap();
        assert!(old.store(0, b"not seen"));
        assert!(new.store(0, b"is seen."));
        assert_eq!(&fs::read(&path).unwrap()[..8], b"is seen.");
        drop(new);
        assert!(path.exists(), "it stays for who wants to see how it ended");
        assert!(Mapping::create(&path, 12, 0o600).is_err());
        let error = Mapping::create(&directory.join("no/x.map"), 64, 0o600).unwrap_err();
        assert!(error.is_absent(), "{error}");
        fs::remove_dir_all(&directory).unwrap();
    }
}
