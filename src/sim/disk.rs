//! A host's disk: files in the page cache, written back later.
//!
//! Modelled: an append goes to the page cache at once and survives the death of its process; a
//! flush takes the device's latency and the time of the dirty bytes, one flush after the other;
//! the operating system wakes up every 5 s and writes every file whose oldest dirty byte is 30 s
//! old; a power loss leaves what was written by then. Nothing of this is an event but the end of
//! a flush: what the operating system has written is worked out when somebody asks. A read takes
//! no time where the page cache holds the bytes; else it waits for the device like a flush.
//! Left out: the time that write-back takes, memory pressure (background write-back by
//! volume), the journal (a truncation is durable at once).
//! Source: Linux vm.dirty_expire_centisecs and vm.dirty_writeback_centisecs; an expired file is
//! written as a whole.

use crate::sim::page_cache::PageCache;
use crate::sim::process::FileId;
use crate::sim::time::{SimDuration, SimTime};

/// Age at which the operating system writes dirty data.
const DIRTY_EXPIRE: SimDuration = SimDuration::from_secs(30);
/// How often it looks.
const WRITEBACK_INTERVAL: SimDuration = SimDuration::from_secs(5);

/// Why a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// No space left on device.
    Full,
    /// The device answers every call with an I/O error.
    Failed,
}

/// What the devices of a host cost and hold, each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskProfile {
    /// What every flush takes at least.
    pub flush_latency: SimDuration,
    /// What every read takes at least that the page cache can't answer.
    pub read_latency: SimDuration,
    /// Bytes per second of a flush or a read; `None` is without limit.
    pub bandwidth: Option<u64>,
    /// Bytes that all files of a device can have; `None` is without limit.
    pub capacity: Option<u64>,
    /// Bytes that the host's page cache holds; `None` is without limit.
    pub page_cache: Option<u64>,
    /// How many devices the host has.
    pub devices: u32,
}

impl Default for DiskProfile {
    /// A flash drive: 1 ms a flush, 0.1 ms a read, 1 GB a second, never full.
    fn default() -> Self {
        Self {
            flush_latency: SimDuration::from_millis(1),
            read_latency: SimDuration::from_micros(100),
            bandwidth: Some(1_000_000_000),
            capacity: None,
            page_cache: None,
            devices: 1,
        }
    }
}

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskFault {
    /// Nothing.
    #[default]
    None,
    /// Appends fail as if there was no space.
    Full,
    /// Every call fails; a flush is never answered.
    Failed,
}

/// One host's disk, or disks.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    profile: DiskProfile,
    devices: Vec<Device>,
    files: Vec<File>,
    cache: PageCache,
    flushes: Vec<FlushInProgress>,
    next_ticket: u32,
    /// When in each interval the operating system looks.
    phase: SimDuration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Device {
    fault: DiskFault,
    /// Bytes of its files.
    used: u64,
    /// The most that they ever were.
    most_used: u64,
    /// When it has done the flushes and reads that were asked for.
    free_at: SimTime,
}

#[derive(Clone, Copy, Debug, Default)]
struct File {
    device: u32,
    size: u64,
    durable: u64,
    /// Bytes that were taken away from its front.
    gone: u64,
    /// Since when it has bytes that no flush in progress covers.
    dirty_since: Option<SimTime>,
}

#[derive(Clone, Copy, Debug)]
struct FlushInProgress {
    ticket: u32,
    file: FileId,
    upto: u64,
    /// The device failed while it lasted.
    failed: bool,
}

/// What a read that the page cache could not answer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRead {
    /// Bytes that the device reads.
    pub bytes: u64,
    /// When it has read them.
    pub done_at: SimTime,
}

/// How a flush ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushEnd {
    /// What it covers is durable.
    Done,
    /// The device answered with an I/O error.
    Failed,
    /// Nobody is there to hear of it: power or content went meanwhile.
    Gone,
}

impl Disk {
    /// Appends `bytes` to the page cache of `file` at `now`.
    pub fn append(&mut self, file: FileId, bytes: u64, now: SimTime) -> Result<(), DiskError> {
        let number = self.device_of(file);
        let device = *self.device_mut(number);
        match device.fault {
            DiskFault::None => {}
            DiskFault::Full => return Err(DiskError::Full),
            DiskFault::Failed => return Err(DiskError::Failed),
        }
        if self
            .profile
            .capacity
            .is_some_and(|capacity| bytes > capacity.saturating_sub(device.used))
        {
            return Err(DiskError::Full);
        }
        let grown = self.write_back(file, now);
        let from = grown.gone + grown.size;
        grown.size += bytes;
        if bytes > 0 {
            grown.dirty_since.get_or_insert(now);
            self.cache.insert(file, from, from + bytes);
        }
        let device = self.device_mut(number);
        device.used += bytes;
        device.most_used = device.most_used.max(device.used);
        Ok(())
    }

    /// True once a read may have to wait for the device: something was dropped from the page cache.
    pub const fn may_miss(&self) -> bool {
        self.cache.may_miss()
    }

    // Deviation: bytes that are being read from the device count as read for the next who wants
    // them; in Linux that reader waits for the end of the first read.

    /// Reads `bytes` from `from` on, counted from the front of `file`, into the page cache. `None`
    /// when all of it is there; else how many bytes the device has to read, and when it is done.
    pub fn read(
        &mut self,
        file: FileId,
        from: u64,
        bytes: u64,
        now: SimTime,
    ) -> Result<Option<DiskRead>, DiskError> {
        let from = self.file_mut(file).gone + from;
        let number = self.device_of(file);
        if self.fault(number) == DiskFault::Failed && !self.cache.holds(file, from, from + bytes) {
            return Err(DiskError::Failed);
        }
        let missing = self.cache.read(file, from, from + bytes);
        if missing.bytes == 0 {
            return Ok(None);
        }
        let seeks = SimDuration::from_nanos(self.profile.read_latency.as_nanos() * missing.pieces);
        let takes = seeks + self.transfer(missing.bytes);
        Ok(Some(DiskRead {
            bytes: missing.bytes,
            done_at: self.device_mut(number).occupy(now, takes),
        }))
    }

    /// How long the device is busy with so many bytes.
    fn transfer(&self, bytes: u64) -> SimDuration {
        let nanos = self.profile.bandwidth.map_or(0, |rate| {
            let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
            u64::try_from(nanos).unwrap_or(u64::MAX)
        });
        SimDuration::from_nanos(nanos)
    }

    /// Cuts `file` to `bytes`; a shorter file stays as it is.
    pub fn truncate(&mut self, file: FileId, bytes: u64) {
        let cut = self.file_mut(file);
        let gone = cut.size.saturating_sub(bytes);
        cut.size -= gone;
        cut.durable = cut.durable.min(bytes);
        if cut.size == cut.durable {
            cut.dirty_since = None;
        }
        let end = cut.gone + cut.size;
        self.cache.truncate(file, end);
        let number = self.device_of(file);
        self.device_mut(number).used -= gone;
        for flush in self.flushes.iter_mut().filter(|flush| flush.file == file) {
            flush.upto = flush.upto.min(bytes);
        }
    }

    /// Takes the first `bytes` of `file` away from it; they stay on the disk until [`Disk::free`].
    pub fn detach(&mut self, file: FileId, bytes: u64) {
        let cut = self.file_mut(file);
        cut.gone += bytes.min(cut.size);
        cut.size = cut.size.saturating_sub(bytes);
        cut.durable = cut.durable.saturating_sub(bytes);
        if cut.size == cut.durable {
            cut.dirty_since = None;
        }
        for flush in self.flushes.iter_mut().filter(|flush| flush.file == file) {
            flush.upto = flush.upto.saturating_sub(bytes);
        }
    }

    /// Frees bytes that were detached from files of a device.
    pub fn free(&mut self, device: u32, bytes: u64) {
        let device = self.device_mut(device);
        device.used = device.used.saturating_sub(bytes);
    }

    /// Puts an empty file on a device; without, it lies on the first.
    pub fn place(&mut self, file: FileId, device: u32) {
        assert_eq!(self.size(file), 0, "only an empty file is placed");
        self.file_mut(file).device = device;
    }

    /// Frees all that was detached and not freed yet.
    pub fn free_detached(&mut self) {
        self.measure();
    }

    fn measure(&mut self) {
        for device in &mut self.devices {
            device.used = 0;
        }
        for index in 0..self.files.len() {
            let file = self.files[index];
            self.device_mut(file.device).used += file.size;
        }
    }

    /// How many bytes of `file` are on stable storage (0 after the disk was lost). What a power
    /// loss leaves; a process crash keeps everything. Exact in [`Process::crash`]; between, as of
    /// the last append, flush or [`Disk::durable_at`].
    ///
    /// [`Process::crash`]: crate::sim::process::Process::crash
    pub fn durable(&self, file: FileId) -> u64 {
        self.files
            .get(file.0 as usize)
            .map_or(0, |file| file.durable)
    }

    /// How many bytes of `file` are on stable storage at `now`.
    pub fn durable_at(&mut self, file: FileId, now: SimTime) -> u64 {
        self.write_back(file, now).durable
    }

    /// How many bytes `file` has, in the page cache or on the device.
    pub fn size(&self, file: FileId) -> u64 {
        self.files.get(file.0 as usize).map_or(0, |file| file.size)
    }

    /// Bytes of all files, detached ones that were not freed too.
    pub fn used(&self) -> u64 {
        self.devices.iter().map(|device| device.used).sum()
    }

    /// The most bytes that all files ever had, of each device at its own peak.
    pub fn most_used(&self) -> u64 {
        self.devices.iter().map(|device| device.most_used).sum()
    }

    /// What is wrong with a device.
    pub fn fault(&self, device: u32) -> DiskFault {
        let device = self.devices.get(device as usize);
        device.map_or(DiskFault::None, |device| device.fault)
    }

    fn device_of(&self, file: FileId) -> u32 {
        self.files
            .get(file.0 as usize)
            .map_or(0, |file| file.device)
    }

    fn device_mut(&mut self, number: u32) -> &mut Device {
        let index = number as usize;
        if self.devices.len() <= index {
            self.devices.resize(index + 1, Device::default());
        }
        &mut self.devices[index]
    }

    /// What this disk costs and holds.
    pub const fn profile(&self) -> &DiskProfile {
        &self.profile
    }

    pub(crate) fn set_profile(&mut self, profile: DiskProfile) {
        self.cache.resize(profile.page_cache);
        self.profile = profile;
    }

    /// Breaks or repairs all devices.
    pub(crate) fn set_fault(&mut self, fault: DiskFault, now: SimTime) {
        for device in 0..self.profile.devices.max(1) {
            self.set_device_fault(device, fault, now);
        }
    }

    /// Breaks or repairs a device. What a failed one has not written by `now` stays unwritten until
    /// it is repaired.
    pub(crate) fn set_device_fault(&mut self, device: u32, fault: DiskFault, now: SimTime) {
        let phase = self.phase;
        let before = self.fault(device);
        for file in self.files.iter_mut().filter(|file| file.device == device) {
            if before == DiskFault::Failed {
                let expired =
                    SimTime::from_nanos(now.since(SimTime::ZERO + DIRTY_EXPIRE).as_nanos());
                file.dirty_since = file.dirty_since.map(|since| since.max(expired));
            } else {
                file.write_back(now, phase);
            }
        }
        self.device_mut(device).fault = fault;
        if fault == DiskFault::Failed {
            let files = &self.files;
            let lies_there =
                |file: FileId| files.get(file.0 as usize).map_or(0, |file| file.device) == device;
            for flush in self
                .flushes
                .iter_mut()
                .filter(|flush| lies_there(flush.file))
            {
                flush.failed = true;
            }
        }
    }

    /// When in each interval of 5 s the operating system looks for what is old.
    pub(crate) fn set_phase(&mut self, phase: SimDuration) {
        self.phase = phase;
    }

    /// Starts a flush: its ticket and when it ends.
    pub(crate) fn flush(&mut self, id: FileId, now: SimTime) -> (u32, SimTime) {
        let ticket = self.next_ticket;
        self.next_ticket = ticket.wrapping_add(1);
        let number = self.device_of(id);
        if self.fault(number) == DiskFault::Failed {
            self.flushes.push(FlushInProgress {
                ticket,
                file: id,
                upto: 0,
                failed: true,
            });
            return (ticket, now + self.profile.flush_latency);
        }
        let file = self.write_back(id, now);
        file.dirty_since = None;
        let upto = file.size;
        let covered = self
            .flushes
            .iter()
            .filter(|f| f.file == id)
            .map(|f| f.upto)
            .max();
        let dirty = upto - self.durable(id).max(covered.unwrap_or(0)).min(upto);
        let takes = self.profile.flush_latency + self.transfer(dirty);
        let ends = self.device_mut(number).occupy(now, takes);
        self.flushes.push(FlushInProgress {
            ticket,
            file: id,
            upto,
            failed: false,
        });
        (ticket, ends)
    }

    /// Waits for a read that has begun: the ticket of its end.
    pub(crate) fn await_read(&mut self, file: FileId) -> u32 {
        let ticket = self.next_ticket;
        self.next_ticket = ticket.wrapping_add(1);
        self.flushes.push(FlushInProgress {
            ticket,
            file,
            upto: 0,
            failed: self.fault(self.device_of(file)) == DiskFault::Failed,
        });
        ticket
    }

    /// Ends a flush, or a read.
    pub(crate) fn flushed(&mut self, ticket: u32) -> FlushEnd {
        let Some(index) = self.flushes.iter().position(|flush| flush.ticket == ticket) else {
            return FlushEnd::Gone;
        };
        let flush = self.flushes.remove(index);
        if flush.failed {
            return FlushEnd::Failed;
        }
        let file = self.file_mut(flush.file);
        file.durable = file.durable.max(flush.upto);
        FlushEnd::Done
    }

    /// Leaves what is on stable storage at `now`.
    pub(crate) fn lose_power(&mut self, now: SimTime) {
        self.flushes.clear();
        self.cache.clear();
        let phase = self.phase;
        for device in &mut self.devices {
            device.free_at = now;
        }
        for index in 0..self.files.len() {
            let fault = self.fault(self.files[index].device);
            let file = &mut self.files[index];
            if fault != DiskFault::Failed {
                file.write_back(now, phase);
            }
            file.size = file.durable;
            file.dirty_since = None;
        }
        self.measure();
    }

    /// Leaves nothing.
    pub(crate) fn lose_content(&mut self) {
        self.flushes.clear();
        self.cache.clear();
        for file in &mut self.files {
            *file = File {
                device: file.device,
                ..File::default()
            };
        }
        self.measure();
    }

    /// A file, after what the operating system has written of it until `now`.
    fn write_back(&mut self, file: FileId, now: SimTime) -> &mut File {
        let (phase, fault) = (self.phase, self.fault(self.device_of(file)));
        let file = self.file_mut(file);
        if fault != DiskFault::Failed {
            file.write_back(now, phase);
        }
        file
    }

    fn file_mut(&mut self, file: FileId) -> &mut File {
        let index = file.0 as usize;
        if self.files.len() <= index {
            self.files.resize(index + 1, File::default());
        }
        &mut self.files[index]
    }
}

impl Device {
    /// Is busy for so long once it has done what was asked before; until when.
    fn occupy(&mut self, now: SimTime, takes: SimDuration) -> SimTime {
        self.free_at = self.free_at.max(now) + takes;
        self.free_at
    }
}

impl File {
    /// Catches up with what the operating system has written until `now`. Whoever changes the
    /// file catches up first, so nothing was added after the wake-up that wrote it.
    fn write_back(&mut self, now: SimTime, phase: SimDuration) {
        let Some(since) = self.dirty_since else {
            return;
        };
        let expires = since + DIRTY_EXPIRE;
        let interval = WRITEBACK_INTERVAL.as_nanos();
        let waits = phase.as_nanos()
            + expires
                .as_nanos()
                .saturating_sub(phase.as_nanos())
                .div_ceil(interval)
                .saturating_mul(interval);
        if waits <= now.as_nanos() {
            self.durable = self.size;
            self.dirty_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: FileId = FileId(0);

    fn seconds(seconds: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(seconds)
    }

    #[test]
    fn detached_bytes_leave_their_file_at_once_and_the_disk_when_they_are_freed() {
        let mut disk = Disk::default();
        disk.append(LOG, 1_000, seconds(0)).unwrap();
        let (ticket, _) = disk.flush(LOG, seconds(0));
        disk.append(LOG, 50, seconds(0)).unwrap();
        disk.detach(LOG, 400);
        assert_eq!(disk.flushed(ticket), FlushEnd::Done);
        assert_eq!((disk.durable(LOG), disk.size(LOG)), (600, 650));
        assert_eq!(disk.used(), 1_050);
        disk.free(0, 300);
        assert_eq!((disk.used(), disk.most_used()), (750, 1_050));
        disk.free_detached();
        assert_eq!(disk.used(), 650);
    }

    #[test]
    fn a_flush_makes_durable_what_was_there_when_it_began() {
        let mut disk = Disk::default();
        disk.append(LOG, 1_000_000, seconds(0)).unwrap();
        let (ticket, ends) = disk.flush(LOG, seconds(0));
        assert_eq!(
            ends - seconds(0),
            SimDuration::from_millis(2),
            "1 ms and 1 MB at 1 GB/s"
        );
        disk.append(LOG, 5, seconds(0)).unwrap();
        assert_eq!(disk.durable(LOG), 0);
        assert_eq!(disk.flushed(ticket), FlushEnd::Done);
        assert_eq!((disk.durable(LOG), disk.size(LOG)), (1_000_000, 1_000_005));
    }

    #[test]
    fn a_read_of_what_memory_does_not_hold_waits_its_turn_at_the_device() {
        let mut disk = Disk::default();
        disk.append(LOG, 3_000_000, seconds(0)).unwrap();
        disk.detach(LOG, 1_000_000);
        assert_eq!(disk.read(LOG, 0, 2_000_000, seconds(0)), Ok(None));
        let (ticket, _) = disk.flush(LOG, seconds(0));
        disk.flushed(ticket);
        disk.lose_power(seconds(1));
        disk.append(LOG, 1_000_000, seconds(1)).unwrap();
        let (_, flushed) = disk.flush(LOG, seconds(1));
        let read = disk.read(LOG, 1_000_000, 2_000_000, seconds(1));
        let read = read.unwrap().unwrap();
        assert_eq!(read.bytes, 1_000_000, "the last million was just appended");
        assert_eq!(read.done_at - flushed, SimDuration::from_micros(1_100));
        let (_, flushed) = disk.flush(LOG, seconds(1));
        assert_eq!(flushed - read.done_at, SimDuration::from_millis(1));
        assert_eq!(disk.read(LOG, 1_000_000, 2_000_000, seconds(1)), Ok(None));
    }

    #[test]
    fn devices_work_and_fail_apart() {
        let other = FileId(1);
        let mut disk = Disk::default();
        disk.set_profile(DiskProfile {
            devices: 2,
            ..DiskProfile::default()
        });
        disk.place(other, 1);
        disk.append(LOG, 1_000_000, seconds(0)).unwrap();
        disk.append(other, 1_000_000, seconds(0)).unwrap();
        let (ticket, ends) = disk.flush(LOG, seconds(0));
        let (second, ends_there) = disk.flush(other, seconds(0));
        assert_eq!(ends, ends_there, "neither waits for the other");
        disk.set_device_fault(1, DiskFault::Failed, seconds(0));
        assert_eq!(disk.flushed(ticket), FlushEnd::Done);
        assert_eq!(disk.flushed(second), FlushEnd::Failed);
        assert_eq!(disk.append(LOG, 1, seconds(1)), Ok(()));
        assert_eq!(disk.append(other, 1, seconds(1)), Err(DiskError::Failed));
        assert_eq!(disk.used(), 2_000_001);
        disk.lose_power(seconds(1));
        assert_eq!((disk.size(LOG), disk.size(other)), (1_000_000, 0));
    }

    #[test]
    fn a_failed_device_answers_from_memory_only() {
        let mut disk = Disk::default();
        disk.append(LOG, 10, seconds(0)).unwrap();
        disk.set_fault(DiskFault::Failed, seconds(1));
        assert_eq!(disk.read(LOG, 0, 10, seconds(1)), Ok(None));
        disk.cache.clear();
        assert_eq!(disk.read(LOG, 0, 10, seconds(1)), Err(DiskError::Failed));
        assert_eq!(disk.read(LOG, 0, 10, seconds(1)), Err(DiskError::Failed));
    }

    #[test]
    fn flushes_queue_and_count_dirty_bytes_once() {
        let mut disk = Disk::default();
        disk.append(LOG, 1_000_000, seconds(0)).unwrap();
        disk.flush(LOG, seconds(0));
        let (_, ends) = disk.flush(LOG, seconds(0));
        assert_eq!(ends - seconds(0), SimDuration::from_millis(3));
    }

    #[test]
    fn the_operating_system_writes_what_is_30_s_old_every_5_s() {
        let mut disk = Disk::default();
        disk.append(LOG, 10, seconds(1)).unwrap();
        disk.append(LOG, 10, seconds(34)).unwrap();
        assert_eq!(disk.durable_at(LOG, seconds(34)), 0);
        assert_eq!(
            disk.durable_at(LOG, seconds(35)),
            20,
            "an expired file is written whole"
        );
        disk.append(LOG, 10, seconds(36)).unwrap();
        assert_eq!(disk.durable_at(LOG, seconds(69)), 20);
        disk.append(LOG, 10, seconds(71)).unwrap();
        assert_eq!(
            disk.durable(LOG),
            30,
            "the write-back of 70 s had not seen the last append"
        );
    }

    #[test]
    fn a_power_loss_leaves_what_is_durable_and_ends_flushes() {
        let mut disk = Disk::default();
        disk.append(LOG, 10, seconds(0)).unwrap();
        let (ticket, _) = disk.flush(LOG, seconds(0));
        assert_eq!(disk.flushed(ticket), FlushEnd::Done);
        disk.append(LOG, 10, seconds(1)).unwrap();
        let (ticket, _) = disk.flush(LOG, seconds(1));
        disk.lose_power(seconds(1));
        assert_eq!(disk.flushed(ticket), FlushEnd::Gone);
        assert_eq!(
            (disk.durable(LOG), disk.size(LOG), disk.used()),
            (10, 10, 10)
        );
    }

    #[test]
    fn a_flush_does_not_make_durable_what_was_cut_off_and_written_anew() {
        let mut disk = Disk::default();
        disk.append(LOG, 10, seconds(0)).unwrap();
        let (ticket, _) = disk.flush(LOG, seconds(0));
        disk.truncate(LOG, 4);
        disk.append(LOG, 6, seconds(0)).unwrap();
        assert_eq!(disk.flushed(ticket), FlushEnd::Done);
        assert_eq!(disk.durable(LOG), 4);
    }

    #[test]
    fn a_full_or_failed_disk_refuses_and_truncation_makes_room() {
        let mut disk = Disk::default();
        disk.set_profile(DiskProfile {
            capacity: Some(10),
            ..DiskProfile::default()
        });
        assert_eq!(disk.append(LOG, 11, seconds(0)), Err(DiskError::Full));
        assert_eq!(disk.append(LOG, 10, seconds(0)), Ok(()));
        assert_eq!(disk.append(FileId(1), 1, seconds(0)), Err(DiskError::Full));
        disk.truncate(LOG, 5);
        assert_eq!(disk.append(FileId(1), 5, seconds(0)), Ok(()));
        disk.set_fault(DiskFault::Failed, seconds(0));
        assert_eq!(disk.append(LOG, 0, seconds(0)), Err(DiskError::Failed));
        let (ticket, _) = disk.flush(LOG, seconds(0));
        assert_eq!(disk.flushed(ticket), FlushEnd::Failed);
        disk.set_fault(DiskFault::Full, seconds(0));
        assert_eq!(disk.append(LOG, 0, seconds(0)), Err(DiskError::Full));
    }

    #[test]
    fn a_failed_disk_writes_nothing_until_it_is_repaired() {
        let mut disk = Disk::default();
        disk.append(LOG, 10, seconds(0)).unwrap();
        let (ticket, _) = disk.flush(LOG, seconds(0));
        disk.append(LOG, 10, seconds(0)).unwrap();
        disk.set_fault(DiskFault::Failed, seconds(0));
        assert_eq!(disk.flushed(ticket), FlushEnd::Failed);
        assert_eq!(disk.durable_at(LOG, seconds(100)), 0);
        disk.set_fault(DiskFault::None, seconds(101));
        assert_eq!(disk.durable_at(LOG, seconds(104)), 0);
        assert_eq!(disk.durable_at(LOG, seconds(105)), 20);
    }

    #[test]
    fn a_lost_disk_is_empty() {
        let mut disk = Disk::default();
        disk.append(LOG, 10, seconds(0)).unwrap();
        disk.lose_content();
        assert_eq!((disk.durable(LOG), disk.size(LOG), disk.used()), (0, 0, 0));
    }
}
