//! Calls of contracts: which token may make which, and how they went.

use std::sync::Arc;
use std::time::Instant;

use concierge_edge::Services;
use concierge_wit_http::server::{AnswerBody, CALLS_MAX, Call, Refusal, Server};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::bridge_tokens::BridgeToken;

/// Who makes a call.
pub enum Caller {
    /// Who has the token of the data directory: everything is granted.
    Owner,
    /// Who has a token of a bridge.
    Bridge(Arc<BridgeToken>),
}

/// Answers calls of contracts.
pub struct Calls {
    server: Server,
    services: Services,
}

impl Calls {
    /// From the domains of this process.
    pub fn new(services: Services) -> Self {
        Self {
            server: Server::new(CALLS_MAX),
            services,
        }
    }

    /// Answers one call.
    pub async fn answer(&self, caller: Caller, request: Request<Incoming>) -> Response<AnswerBody> {
        self.server
            .answer(request, |call| self.run(caller, call))
            .await
    }

    async fn run(
        &self,
        caller: Caller,
        call: Call,
    ) -> Result<concierge_wit_http::server::Answer, Refusal> {
        let services = self.granted(&caller, &call)?;
        // Of functions there are only so many, whatever is asked for.
        let function = format!("{}.{}", call.interface, call.function);
        let began = Instant::now();
        let answer = services.answer(call).await;
        match &answer {
            Err(refusal) if refusal.status == StatusCode::NOT_FOUND => {}
            _ => {
                let seconds = began.elapsed().as_secs_f64();
                metrics::histogram!("concierge_wit_call_seconds", "function" => function)
                    .record(seconds);
            }
        }
        answer
    }

    /// The domains as far as the caller may use them for this call.
    fn granted(&self, caller: &Caller, call: &Call) -> Result<Services, Refusal> {
        let mut services = self.services.clone();
        if let Caller::Bridge(token) = caller {
            let interface = format!("{}/{}", call.package.name, call.interface);
            if !token.may_call(&interface) {
                return Err(Refusal::new(
                    StatusCode::FORBIDDEN,
                    format!("the token {} is not granted {interface}", token.name),
                ));
            }
            services.accounts = token.accounts();
        }
        Ok(services)
    }
}
