//! What each operation does: reads its request, asks the host, and writes the answer.

mod actions;
mod calendar;
mod catalogue;
mod changes;
mod documents;
mod icalendar;
mod payments;
mod quote;
mod reports;
mod reservations;
mod search;
mod setup;
mod staff;
mod waiting;
mod webhooks;

use super::call::{Call, Outcome};
use super::route::Operation;
use crate::host::Host;

/// Does it.
pub async fn run<H: Host>(operation: Operation, call: Call<'_, H>) -> Outcome {
    match operation {
        Operation::GetOpenapi => documents::openapi(&call),
        Operation::GetProblem => documents::problem(&call),
        Operation::Search => search::search(call).await,
        Operation::ListHotels => catalogue::list(call).await,
        Operation::GetHotel => catalogue::get(call).await,
        Operation::PutHotel => setup::put_hotel(call).await,
        Operation::GetCalendar => calendar::get(call).await,
        Operation::GetIcalendar => icalendar::get(call).await,
        Operation::PutRoomType => setup::put_room_type(call).await,
        Operation::PutRatePlan => setup::put_rate_plan(call).await,
        Operation::SetRates => setup::set_rates(call).await,
        Operation::SetAllotments => setup::set_allotments(call).await,
        Operation::Quote => quote::quote(call).await,
        Operation::CreateReservation => reservations::create(call).await,
        Operation::ListReservations => reservations::list(call).await,
        Operation::GetReservation => reservations::get(call).await,
        Operation::Pay => payments::pay(call).await,
        Operation::ChangeStay => actions::change_stay(call).await,
        Operation::Cancel => actions::cancel(call).await,
        Operation::CheckIn => actions::check_in(call).await,
        Operation::CheckOut => actions::check_out(call).await,
        Operation::NoShow => actions::no_show(call).await,
        Operation::Wait => waiting::wait(call).await,
        Operation::ListWaiting => waiting::list(call).await,
        Operation::GetOccupancy => reports::occupancy(call).await,
        Operation::GetAudit => reports::audit(call).await,
        Operation::GetStaff => staff::get(call).await,
        Operation::PutStaff => staff::put(call).await,
        Operation::CreateWebhook => webhooks::create(call).await,
        Operation::ListWebhooks => webhooks::list(call).await,
        Operation::DeleteWebhook => webhooks::delete(call).await,
        Operation::ReadChanges => changes::read(call).await,
        Operation::NotifyPayment => payments::notify(call).await,
    }
}
