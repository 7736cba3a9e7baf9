//! Drives one instance: takes requests from its mailbox, runs as many at once as it may, and ends
//! when it is told to or when the guest traps.
//!
//! A guest's task cannot be cancelled (wasmtime 48 has no call for it). What can be done when no
//! one waits for an answer any more: the host calls that it waits on answer at once, the streams
//! it reads end, and the streams it writes are closed; a guest that still does not finish is
//! dropped with its instance, after the other requests there.

use super::cpu::CpuBudget;
use super::scope::RequestScope;
use super::state::InstanceState;
use crate::component::{LoadedComponent, one_line};
use crate::metric::InstanceMetrics;
use crate::outbound::Connections;
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::task::AtomicWaker;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;
use wasmtime::component::Accessor;
use wasmtime::{AsContextMut, Store};
use wasmtime_wasi_http::p3::{self, bindings::Service};
use wasmtime_wasi_http::{FieldMap, WasiBody, WasiHttpView};

/// How long a guest may go on with a request that no one waits for.
const ABANDONED_GRACE: Duration = Duration::from_secs(5);
/// How long a guest may go on in the background once its instance is to end and no answer of it
/// is under way.
const DRAIN_GRACE: Duration = Duration::from_secs(5);

/// A request on its way to an instance.
pub(crate) struct Job {
    pub(crate) request: http::Request<WasiBody>,
    pub(crate) scope: Arc<RequestScope>,
    pub(crate) reply: oneshot::Sender<Result<http::Response<WasiBody>, CallError>>,
}

/// Why there is no answer from the guest. When the instance stopped, the reply is dropped instead.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The guest answered with an error code of wasi:http.
    Guest(p3::bindings::http::types::ErrorCode),
    /// The instance ended before it began with the request, which is given back.
    NotStarted(Box<http::Request<WasiBody>>),
    /// No instance could be made.
    Instantiate,
}

/// What the pool, the connections and the driving task of an instance share. All of them run on
/// one thread; the locks are never contended.
pub(crate) struct Worker {
    mailbox: Mutex<VecDeque<Job>>,
    waker: AtomicWaker,
    /// Requests given to the instance whose answers are not finished.
    load: AtomicU32,
    /// Calls of the guest that have not returned. One that no one waits for any more is no load,
    /// and still occupies the instance.
    calls: AtomicU32,
    /// The guest would begin with a request now.
    ready: AtomicBool,
    draining: AtomicBool,
    /// The guest was computing when it last had the thread.
    busy: AtomicBool,
    ended: AtomicBool,
}

impl Worker {
    /// Starts an instance on this thread's runtime.
    pub(super) fn start(
        component: Arc<LoadedComponent>,
        connections: Connections,
        metrics: InstanceMetrics,
    ) -> Arc<Self> {
        let worker = Arc::new(Self {
            mailbox: Mutex::default(),
            waker: AtomicWaker::new(),
            load: AtomicU32::new(0),
            calls: AtomicU32::new(0),
            ready: AtomicBool::new(true),
            draining: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        tokio::spawn(run(Arc::clone(&worker), component, connections, metrics));
        worker
    }

    /// Whether it can be given a request beside those it has, of which it may have `most`.
    pub(super) fn has_room(&self, most: u32) -> bool {
        let calls = self.calls.load(Ordering::Relaxed);
        self.load().max(calls) < most && !self.is_draining()
    }

    /// Whether a request would be begun with at once.
    pub(super) fn is_idle(&self) -> bool {
        self.ready.load(Ordering::Relaxed) && !self.busy.load(Ordering::Relaxed)
    }

    fn load(&self) -> u32 {
        self.load.load(Ordering::Relaxed)
    }

    /// No more requests; ends when those it has are answered.
    pub(super) fn drain(&self) {
        if !self.draining.swap(true, Ordering::Relaxed) {
            self.waker.wake();
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Gives the instance a request. The guard counts it until the answer is finished.
    pub(super) fn assign(self: &Arc<Self>, job: Job) -> LoadGuard {
        self.load.fetch_add(1, Ordering::Relaxed);
        self.lock().push_back(job);
        self.waker.wake();
        LoadGuard(Arc::clone(self))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, why: impl Fn(Job)) {
        loop {
            // Not in the `while let`: the guard would live through the call.
            let job = self.lock().pop_front();
            match job {
                Some(job) => why(job),
                None => return,
            }
        }
    }
}

/// One request's share of an instance.
pub(crate) struct LoadGuard(Arc<Worker>);

impl Drop for LoadGuard {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Ordering::Relaxed);
        if self.0.is_draining() {
            self.0.waker.wake();
        }
    }
}

async fn run(
    worker: Arc<Worker>,
    component: Arc<LoadedComponent>,
    connections: Connections,
    metrics: InstanceMetrics,
) {
    let limits = &component.config.limits;
    let cpu = CpuBudget::new(component.runtime.ticks.clone(), limits.cpu);
    let state = InstanceState::new(&component, connections);
    let mut store = Store::new(&component.runtime.engine, state);
    store.limiter(|state| &mut state.memory);
    cpu.watch(&mut store);
    metrics.live.increment(1.0);
    let outcome = match component.pre.instantiate_async(&mut store).await {
        Ok(service) => Some(serve(&worker, &component, &cpu, &mut store, &service).await),
        Err(error) => {
            tracing::error!(component = %component.name, "no instance could be made: {error:#}");
            None
        }
    };
    worker.draining.store(true, Ordering::Relaxed);
    worker.ended.store(true, Ordering::Relaxed);
    match outcome {
        None => worker.give_back(|job| drop(job.reply.send(Err(CallError::Instantiate)))),
        Some(outcome) => {
            if let Err(error) = outcome {
                metrics.traps.increment(1);
                report_trap(&component, &store, &error);
            }
            worker.give_back(|job| {
                drop(
                    job.reply
                        .send(Err(CallError::NotStarted(Box::new(job.request)))),
                );
            });
        }
    }
    drop(store);
    metrics.live.decrement(1.0);
}

/// Marks every request of a stopped instance as failed, so that an answer under way does not look
/// complete, and logs it.
fn report_trap(component: &LoadedComponent, store: &Store<InstanceState>, error: &wasmtime::Error) {
    let mut ids = Vec::new();
    for scope in store.data().live_requests() {
        scope.fail();
        ids.push(String::from_utf8_lossy(scope.request_id().as_bytes()).into_owned());
    }
    tracing::error!(
        component = %component.name,
        requests = %ids.join(","),
        "an instance was stopped: {}",
        one_line(&format!("{error:?}"))
    );
}

/// Runs the store's event loop with [`drive`] in it, measuring the guest's computing time.
async fn serve(
    worker: &Worker,
    component: &LoadedComponent,
    cpu: &CpuBudget,
    store: &mut Store<InstanceState>,
    service: &Service,
) -> Result<(), wasmtime::Error> {
    let mut event_loop = pin!(store.run_concurrent(async |accessor| {
        drive(worker, component, cpu, accessor, service).await
    }));
    poll_fn(|cx| {
        cpu.begin_turn();
        let poll = event_loop.as_mut().poll(cx);
        worker.busy.store(cpu.was_interrupted(), Ordering::Relaxed);
        poll
    })
    .await?
}

/// Takes requests and answers them until the instance is to end.
async fn drive(
    worker: &Worker,
    component: &LoadedComponent,
    cpu: &CpuBudget,
    accessor: &Accessor<InstanceState>,
    service: &Service,
) -> Result<(), wasmtime::Error> {
    let limits = &component.config.limits;
    let exclusive = limits.requests_per_instance == 1;
    let func = *service.wasi_http_handler().func_handle().func();
    let mut running = FuturesUnordered::new();
    let mut served = 0_u64;
    let mut grace = None;
    poll_fn(|cx| {
        worker.waker.register(cx.waker());
        loop {
            match running.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(Outcome::Answered))) => {
                    let memory = accessor.with(|mut store| store.data_mut().memory.used());
                    if memory > limits.memory_mark_bytes
                        || limits.instance_requests.is_some_and(|most| served >= most)
                    {
                        worker.draining.store(true, Ordering::Relaxed);
                    }
                }
                Poll::Ready(Some(Ok(Outcome::Abandoned))) => {
                    worker.draining.store(true, Ordering::Relaxed);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) | Poll::Pending => {}
            }
            let ready = is_ready(accessor, func, exclusive, cx);
            worker.ready.store(ready, Ordering::Relaxed);
            if !ready {
                break;
            }
            let Some(job) = worker.lock().pop_front() else {
                break;
            };
            served += 1;
            cpu.grant(running.len() + 1);
            running.push(answer(accessor, service, job));
        }
        let calls = u32::try_from(running.len()).unwrap_or(u32::MAX);
        worker.calls.store(calls, Ordering::Relaxed);
        if !worker.is_draining() || !running.is_empty() || worker.load() > 0 {
            return Poll::Pending;
        }
        if accessor.poll_no_interesting_tasks(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let grace = grace.get_or_insert_with(|| Box::pin(tokio::time::sleep(DRAIN_GRACE)));
        grace.as_mut().poll(cx).map(Ok)
    })
    .await
}

/// Whether the guest can begin with a request: it takes calls, and, where requests are not to meet,
/// nothing of an earlier one goes on.
fn is_ready(
    accessor: &Accessor<InstanceState>,
    func: wasmtime::component::Func,
    exclusive: bool,
    cx: &mut Context<'_>,
) -> bool {
    accessor.poll_ready_for_concurrent_call(func, cx).is_ready()
        && (!exclusive || accessor.poll_no_interesting_tasks(cx).is_ready())
}

enum Outcome {
    /// The guest answered, or the answer was not wanted any more when it did.
    Answered,
    /// The guest went on too long with a request that no one waits for.
    Abandoned,
}

/// Calls the guest's handler. An error is a trap.
async fn answer(
    accessor: &Accessor<InstanceState>,
    service: &Service,
    job: Job,
) -> Result<Outcome, wasmtime::Error> {
    let Job {
        request,
        scope,
        reply,
    } = job;
    let (call, sent) = accessor.with(|mut store| {
        let (parts, body) = request.into_parts();
        let uri = parts.uri.into_parts();
        let headers = FieldMap::new_immutable(store.data_mut().hooks(), parts.headers);
        let (request, sent) = p3::Request::new(
            parts.method,
            uri.scheme,
            uri.authority,
            uri.path_and_query,
            headers,
            None,
            body,
        );
        let request = store.data_mut().table().push(request)?;
        let handler = service.wasi_http_handler();
        let call = handler
            .func_handle()
            .start_call_concurrent(store.as_context_mut(), (request,))?;
        store.data_mut().add_request(call.task(), &scope);
        wasmtime::error::Ok((call, sent))
    })?;
    let response = {
        let handler = service.wasi_http_handler();
        let finish = pin!(handler.func_handle().finish_call_concurrent(accessor, call));
        let abandoned = pin!(async {
            scope.until_cancelled().await;
            tokio::time::sleep(ABANDONED_GRACE).await;
        });
        match select(finish, abandoned).await {
            Either::Left((response, _)) => response?.0,
            Either::Right(((), _)) => return Ok(Outcome::Abandoned),
        }
    };
    let response = match response {
        Ok(response) => Ok(accessor.with(|mut store| {
            let response = store.data_mut().table().delete(response)?;
            response.into_http_with_getter(store.as_context_mut(), sent, InstanceState::http)
        })?),
        Err(code) => Err(CallError::Guest(code)),
    };
    // The receiver may be gone; the response's body ends with it.
    drop(reply.send(response));
    Ok(Outcome::Answered)
}
