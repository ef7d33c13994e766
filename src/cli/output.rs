//! Where a result goes: to standard output as it comes, or to a file when it is complete.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A result on its way out.
pub(super) enum Output<'a> {
    /// Written through. False once nobody reads any more.
    Stream(&'a mut dyn Write, bool),
    /// Kept until it is complete.
    File(PathBuf, Vec<u8>),
}

impl<'a> Output<'a> {
    /// To the file, if there is one; an error, before anything runs, if it could not be written.
    pub(super) fn new(stdout: &'a mut dyn Write, file: Option<PathBuf>) -> io::Result<Self> {
        match file {
            Some(path) => {
                try_out(&path).map_err(|error| cannot_write(&path, &error))?;
                Ok(Self::File(path, Vec::new()))
            }
            None => Ok(Self::Stream(stdout, true)),
        }
    }

    /// The result is complete. A command that found nothing to say leaves no file behind.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        match self {
            Self::File(path, bytes) if !bytes.is_empty() => {
                replace(&path, &bytes).map_err(|error| cannot_write(&path, &error))
            }
            Self::File(..) | Self::Stream(..) => Ok(()),
        }
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> io::Error {
    let text = format!("cannot write {}: {error}", path.display());
    io::Error::new(error.kind(), text)
}

impl Write for Output<'_> {
    /// A reader that has gone away (`retrial run … | head`) is no error: the runs go on, since
    /// the exit code still tells what they found.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(_, kept) => kept.write(bytes),
            Self::Stream(_, false) => Ok(bytes.len()),
            Self::Stream(stdout, open) => match stdout.write(bytes) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    *open = false;
                    Ok(bytes.len())
                }
                written => written,
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(stdout, open) if *open => match stdout.flush() {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    *open = false;
                    Ok(())
                }
                flushed => flushed,
            },
            Self::Stream(..) | Self::File(..) => Ok(()),
        }
    }
}

/// Puts the file in its place in one step: whoever looks sees the old one or the whole new one.
/// What is no plain file (a terminal, a pipe, /dev/null) is written into, never replaced.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let Some((path, beside)) = places(path)? else {
        return fs::write(path, bytes);
    };
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Finds out if [`replace`] could write, and changes nothing.
fn try_out(path: &Path) -> io::Result<()> {
    match places(path)? {
        Some((_, beside)) => fs::write(&beside, "").and_then(|()| fs::remove_file(&beside)),
        None => fs::OpenOptions::new().write(true).open(path).map(|_| ()),
    }
}

/// Where the file is, behind all links, and a name beside it for the time until it is complete.
/// None where there is something else than a plain file.
fn places(path: &Path) -> io::Result<Option<(PathBuf, PathBuf)>> {
    let path = match fs::metadata(path) {
        Ok(there) if there.is_file() => fs::canonicalize(path)?,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let name = (path.file_name()).ok_or_else(|| io::Error::other("this is no file name"))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(hidden);
    Ok(Some((path, beside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        let mut closed = Closed;
        let mut output = Output::new(&mut closed, None).unwrap();
        output.write_all(b"a result").unwrap();
        output.write_all(b"more").unwrap();
        output.finish().unwrap();
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_only_when_there_is_a_result() {
        let folder = std::env::temp_dir().join(format!("retrial-output-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("result.json");
        fs::write(&path, "old").unwrap();
        let mut stdout = Vec::new();

        let mut output = Output::new(&mut stdout, Some(path.clone())).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");

        Output::new(&mut stdout, Some(path.clone()))
            .unwrap()
            .finish()
            .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");

        let mut output = Output::new(&mut stdout, Some(path.clone())).unwrap();
        output.write_all(b"new").unwrap();
        output.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);

        let missing = folder.join("nowhere/result.json");
        for wrong in [missing, folder.clone()] {
            let Err(error) = Output::new(&mut stdout, Some(wrong)) else {
                panic!("it cannot be written");
            };
            let error = error.to_string();
            assert!(error.starts_with("cannot write "), "{error}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let folder = std::env::temp_dir().join(format!("retrial-links-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (file, link) = (folder.join("file"), folder.join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let null = folder.join("null");
        std::os::unix::fs::symlink("/dev/null", &null).unwrap();
        let mut stdout = Vec::new();
        for path in [&link, &null] {
            let mut output = Output::new(&mut stdout, Some(path.clone())).unwrap();
            output.write_all(b"new").unwrap();
            output.finish().unwrap();
            assert!(path.is_symlink(), "{}", path.display());
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        fs::remove_dir_all(&folder).unwrap();
    }
}
