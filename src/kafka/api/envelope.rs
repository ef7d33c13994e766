//! Envelope (API key 58): a request that a broker passes on to the controller (KIP-590).

use crate::kafka::error_code::ErrorCode;
use crate::kafka::message::{Request, Response};

/// What a client asked a broker, in its own words.
#[derive(Clone, Debug)]
pub struct EnvelopeRequest {
    /// The client's request.
    pub request: Request,
}

/// What the controller answers the client, in the broker's hands.
#[derive(Clone, Debug)]
pub struct EnvelopeResponse {
    /// Why the request was not worked on: `NOT_CONTROLLER`, which the broker does not pass on.
    pub error: Option<ErrorCode>,
    /// The answer; none with an error.
    pub response: Option<Response>,
}
