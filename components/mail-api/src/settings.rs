//! What the operator says, by variables of the component.

/// Settings. Each may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where clients reach this server, without a slash at the end; empty: where the request says.
    pub public_url: String,
    /// The path of JMAP over WebSocket, where the host offers it.
    pub websocket_path: String,
    /// `HOST:PORT` of the submission of mail over TLS, for the documents that mail programs ask for.
    pub submission: String,
}
