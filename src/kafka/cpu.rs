//! CPU time as declared costs: the one table of what brokers, and compression, are charged.
//!
//! Assumptions about hosts, not properties of Kafka; a scenario may declare others.

use crate::kafka::compression::CodecCosts;
use crate::kafka::message::{Request, Response};
use crate::kafka::size;
use crate::sim::host::Cost;
use crate::sim::time::SimDuration;

/// CPU time of a broker or controller per request, and of compression. A declared assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuCosts {
    /// Produce: base.
    pub produce: SimDuration,
    /// Fetch: base.
    pub fetch: SimDuration,
    /// Any other request: base.
    pub other: SimDuration,
    /// Any request: for each KiB of it.
    pub per_kib: SimDuration,
    /// A network thread: each request that it reads, each answer that it writes.
    pub network: SimDuration,
    /// A network thread: for each KiB of them.
    pub network_per_kib: SimDuration,
    /// Records that a fetch brings in plain text: for each KiB, which sendfile copies.
    pub sendfile_per_kib: SimDuration,
    /// Records that a fetch brings over TLS: for each KiB, which the process must copy.
    pub copy_per_kib: SimDuration,
    /// TLS: to encrypt or decrypt a KiB.
    pub tls_per_kib: SimDuration,
    /// Compression, of whoever compresses or decompresses: producers, brokers, consumers.
    pub codecs: CodecCosts,
}

/// How connections to brokers and controllers are protected (security.protocol).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Not at all.
    #[default]
    Plaintext,
    /// By TLS: sendfile cannot be used.
    Ssl,
}

impl SecurityProtocol {
    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
        }
    }
}

// Deviation: TLS costs CPU time by the byte; handshakes cost nothing and records are not longer.
/// What network threads are charged with under a protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCosts {
    /// To read a request.
    pub read: Cost,
    /// To write an answer.
    pub write: Cost,
    /// To write an answer to a fetch.
    pub write_records: Cost,
}

impl NetworkCosts {
    /// To write this answer.
    pub fn writing(&self, response: &Response) -> SimDuration {
        let cost = if matches!(response, Response::Fetch(_)) {
            self.write_records
        } else {
            self.write
        };
        cost.of(size::of_response(response))
    }

    /// True when network threads cost nothing.
    pub fn is_free(&self) -> bool {
        *self == Self::default()
    }
}

/// One of the declared costs.
pub struct Declared {
    /// Its key.
    pub key: &'static str,
    /// The table in which it stands, below the costs' own.
    pub table: Option<&'static str>,
    /// What it is a cost of: `a produce`.
    pub of: &'static str,
    /// Where it is.
    pub at: fn(&mut CpuCosts) -> &mut SimDuration,
}

/// A row of the table below.
const fn declared(
    table: Option<&'static str>,
    key: &'static str,
    of: &'static str,
    at: fn(&mut CpuCosts) -> &mut SimDuration,
) -> Declared {
    Declared { key, table, of, at }
}

const COMPRESS: Option<&str> = Some("compress");
const DECOMPRESS: Option<&str> = Some("decompress");

impl CpuCosts {
    /// Every declared cost, in canonical order.
    pub const ALL: [Declared; 17] = [
        declared(None, "produce", "a produce", |c| &mut c.produce),
        declared(None, "fetch", "a fetch", |c| &mut c.fetch),
        declared(None, "other", "any other request", |c| &mut c.other),
        declared(None, "per_kib", "each KiB of a request", |c| &mut c.per_kib),
        declared(
            None,
            "network",
            "to read a request or write an answer",
            |c| &mut c.network,
        ),
        declared(None, "network_per_kib", "to read or write a KiB", |c| {
            &mut c.network_per_kib
        }),
        declared(None, "sendfile_per_kib", "sendfile of a KiB", |c| {
            &mut c.sendfile_per_kib
        }),
        declared(
            None,
            "copy_per_kib",
            "to copy a KiB of a fetch over TLS",
            |c| &mut c.copy_per_kib,
        ),
        declared(None, "tls_per_kib", "TLS of a KiB", |c| &mut c.tls_per_kib),
        declared(COMPRESS, "gzip", "to compress a KiB with gzip", |c| {
            &mut c.codecs.compress[0]
        }),
        declared(COMPRESS, "snappy", "to compress a KiB with snappy", |c| {
            &mut c.codecs.compress[1]
        }),
        declared(COMPRESS, "lz4", "to compress a KiB with lz4", |c| {
            &mut c.codecs.compress[2]
        }),
        declared(COMPRESS, "zstd", "to compress a KiB with zstd", |c| {
            &mut c.codecs.compress[3]
        }),
        declared(DECOMPRESS, "gzip", "to decompress a KiB with gzip", |c| {
            &mut c.codecs.decompress[0]
        }),
        declared(
            DECOMPRESS,
            "snappy",
            "to decompress a KiB with snappy",
            |c| &mut c.codecs.decompress[1],
        ),
        declared(DECOMPRESS, "lz4", "to decompress a KiB with lz4", |c| {
            &mut c.codecs.decompress[2]
        }),
        declared(DECOMPRESS, "zstd", "to decompress a KiB with zstd", |c| {
            &mut c.codecs.decompress[3]
        }),
    ];

    /// One of the declared costs.
    pub fn get(mut self, declared: &Declared) -> SimDuration {
        *(declared.at)(&mut self)
    }

    /// What network threads are charged with.
    pub fn of_network(&self, protocol: SecurityProtocol) -> NetworkCosts {
        let (tls, records) = match protocol {
            SecurityProtocol::Plaintext => (SimDuration::ZERO, self.sendfile_per_kib),
            SecurityProtocol::Ssl => (self.tls_per_kib, self.copy_per_kib),
        };
        let cost = |more: SimDuration| Cost {
            base: self.network,
            per_kib: self
                .network_per_kib
                .saturating_add(tls)
                .saturating_add(more),
        };
        NetworkCosts {
            read: cost(SimDuration::ZERO),
            write: cost(SimDuration::ZERO),
            write_records: cost(records),
        }
    }

    /// What a request takes of a handler thread, beside its batches' compression.
    pub fn handling(&self, request: &Request) -> SimDuration {
        let base = match request {
            Request::Produce(_) => self.produce,
            Request::Fetch(_) => self.fetch,
            Request::ListOffsets(_)
            | Request::Metadata(_)
            | Request::InitProducerId(_)
            | Request::OffsetForLeaderEpoch(_)
            | Request::AlterPartition(_)
            | Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::AssignReplicasToDirs(_)
            | Request::AllocateProducerIds(_)
            | Request::QuorumFetch(_)
            | Request::DeleteRecords(_)
            | Request::IncrementalAlterConfigs(_)
            | Request::Envelope(_)
            | Request::Admin(_) => self.other,
        };
        let per_kib = self.per_kib;
        Cost { base, per_kib }.of(size::of_request(request))
    }
}

impl Default for CpuCosts {
    /// 20 µs a produce or fetch, 10 µs any other request, 0.1 µs a KiB, which cover the network
    /// threads too; what sendfile sends costs nothing more, memory is copied at 10 GB/s, AES-GCM
    /// takes 1.5 GB/s; compression as a rather fast core does it.
    fn default() -> Self {
        Self {
            produce: SimDuration::from_micros(20),
            fetch: SimDuration::from_micros(20),
            other: SimDuration::from_micros(10),
            per_kib: SimDuration::from_nanos(100),
            network: SimDuration::ZERO,
            network_per_kib: SimDuration::ZERO,
            sendfile_per_kib: SimDuration::ZERO,
            copy_per_kib: SimDuration::from_nanos(100),
            tls_per_kib: SimDuration::from_nanos(700),
            codecs: CodecCosts {
                compress: [25_000, 2_000, 1_500, 3_000].map(SimDuration::from_nanos),
                decompress: [3_000, 700, 400, 1_000].map(SimDuration::from_nanos),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cost_stands_in_the_table_once() {
        let mut costs = CpuCosts::default();
        for (index, declared) in CpuCosts::ALL.iter().enumerate() {
            *(declared.at)(&mut costs) = SimDuration::from_secs(1 + index as u64);
        }
        for (index, declared) in CpuCosts::ALL.iter().enumerate() {
            let mine = SimDuration::from_secs(1 + index as u64);
            assert_eq!(costs.get(declared), mine, "{}", declared.key);
        }
    }

    #[test]
    fn by_default_network_threads_cost_nothing_but_tls_does() {
        let costs = CpuCosts::default();
        assert!(costs.of_network(SecurityProtocol::Plaintext).is_free());
        let tls = costs.of_network(SecurityProtocol::Ssl);
        let kib = |cost: Cost| cost.of(1_024).as_nanos();
        // A fetch is copied too, since sendfile can't encrypt.
        assert_eq!(
            (kib(tls.read), kib(tls.write), kib(tls.write_records)),
            (700, 700, 800)
        );
    }
}
