//! The bytes of a segment of order ids: a row for each. Of each field there are the differences to its least value, all as
//! wide as the largest needs, so a row is read without the others.

use tidegauge_windows::EventTime;

use super::StoredValue;
use crate::core::seen_orders::{OrderSegment, SeenOrder};
use crate::domain::amount::Amount;
use crate::domain::payment::{BranchId, OrderId};
use crate::store::codec::{ByteDecoder, ByteEncoder, DecodeResult, Malformed};

/// What is stored of an [`OrderSegment`]: its key has the rest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) struct StoredOrders {
    pub(in crate::store) first: u64,
    pub(in crate::store) began: Option<EventTime>,
    pub(in crate::store) orders: Vec<SeenOrder>,
}

/// A stored segment that is read where it is.
pub(in crate::store) struct OrderRows<'a> {
    first: u64,
    began: Option<EventTime>,
    /// Amounts are multiples of 10 to this.
    scale: u32,
    fields: [OrderField; FIELDS],
    /// The bytes of a row.
    width: usize,
    len: usize,
    bytes: &'a [u8],
}

/// The values of a field: from `base` on, with differences to it of `width` bytes.
#[derive(Clone, Copy, Default)]
struct OrderField {
    base: u128,
    width: usize,
}

/// The first byte.
const FORMAT: u8 = 1;
/// Kind of the id, id, offset, event time, branch, amount, clock.
const FIELDS: usize = 7;
/// What zero is among the values of each.
const ZEROS: [u128; FIELDS] = [0, SIGN, SIGN_64, SIGN_64, 0, SIGN, SIGN_64];
const SIGN: u128 = 1 << 127;
const SIGN_64: u128 = 1 << 63;
/// The scales that are tried for amounts: whole ones, cents, and so on.
const SCALES: [u8; 5] = [18, 16, 12, 6, 0];
const VALUE_BYTES: usize = size_of::<u128>();
/// A row of the widest fields.
const ROW_MAX: usize = FIELDS * VALUE_BYTES;

/// Writes `orders`, of a segment that begins after `first` ids.
pub(in crate::store) fn write_orders(
    first: u64,
    began: Option<EventTime>,
    orders: &[SeenOrder],
    encoder: &mut ByteEncoder,
) {
    encoder.byte(FORMAT);
    encoder.u64(first);
    began.write(encoder);
    encoder.u64(orders.len() as u64);
    let (scale, amounts) = scaled(orders);
    encoder.byte(scale);
    let orders = orders.iter().zip(amounts);
    let rows: Vec<_> = orders
        .map(|(order, amount)| values(order, amount))
        .collect();
    let mut fields = [OrderField::default(); FIELDS];
    for (at, field) in fields.iter_mut().enumerate() {
        *field = OrderField::of(rows.iter().map(|row| row[at]));
        field.write(ZEROS[at], encoder);
    }
    for row in rows {
        let (mut bytes, mut end) = ([0; ROW_MAX], 0);
        for (value, field) in row.into_iter().zip(fields) {
            let difference = (value - field.base).to_le_bytes();
            bytes[end..end + VALUE_BYTES].copy_from_slice(&difference);
            end += field.width;
        }
        encoder.bytes(&bytes[..end]);
    }
}

/// The amounts of `orders` as multiples of 10 to a scale, the largest that is tried and divides all.
fn scaled(orders: &[SeenOrder]) -> (u8, Vec<i128>) {
    let divided = |scale: &u8| {
        let unit = 10_i128.pow(u32::from(*scale));
        let amounts = orders.iter().map(|order| {
            // A division takes longer than everything else that is done with an order.
            let units = order.amount.units();
            let amount = units / unit;
            (amount * unit == units).then_some(amount)
        });
        Some((*scale, amounts.collect::<Option<Vec<i128>>>()?))
    };
    let divided = SCALES.iter().find_map(divided);
    divided.unwrap_or_else(|| (0, orders.iter().map(|order| order.amount.units()).collect()))
}

fn values(order: &SeenOrder, amount: i128) -> [u128; FIELDS] {
    let (kind, id) = match order.id() {
        OrderId::Number(number) => (0, number.cast_unsigned() ^ SIGN),
        OrderId::Text(bits) => (1, bits),
    };
    [
        kind,
        id,
        signed(order.offset),
        signed(order.event_time.millis()),
        u128::from(order.branch.get()),
        amount.cast_unsigned() ^ SIGN,
        order.clock().map_or(0, |clock| signed(clock.millis()) + 1),
    ]
}

/// In the order of the numbers.
fn signed(number: i64) -> u128 {
    u128::from(number.cast_unsigned() ^ (1 << 63))
}

fn unsigned(number: u128) -> DecodeResult<i64> {
    let bits = u64::try_from(number).map_err(|_| Malformed)?;
    Ok((bits ^ (1 << 63)).cast_signed())
}

impl OrderField {
    fn of(values: impl Iterator<Item = u128>) -> Self {
        let ends = values.fold(None, |ends, value| {
            let (least, most) = ends.unwrap_or((value, value));
            Some((value.min(least), value.max(most)))
        });
        let (base, most) = ends.unwrap_or_default();
        let width = width_of(most - base);
        Self { base, width }
    }

    /// Writes the width, and the base as its zigzag difference to `zero` in as many bytes as that needs.
    fn write(self, zero: u128, encoder: &mut ByteEncoder) {
        let from_zero = self.base.wrapping_sub(zero).cast_signed();
        let from_zero = ((from_zero << 1) ^ (from_zero >> 127)).cast_unsigned();
        let len = width_of(from_zero);
        for width in [self.width, len] {
            #[expect(clippy::cast_possible_truncation, reason = "at most 16")]
            encoder.byte(width as u8);
        }
        encoder.bytes(&from_zero.to_le_bytes()[..len]);
    }

    fn read(zero: u128, decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let mut width = || match usize::from(decoder.byte()?) {
            width if width <= VALUE_BYTES => Ok(width),
            _ => Err(Malformed),
        };
        let (width, len) = (width()?, width()?);
        let mut from_zero = [0; VALUE_BYTES];
        from_zero[..len].copy_from_slice(decoder.bytes(len)?);
        let from_zero = u128::from_le_bytes(from_zero);
        // Each base is written in one way.
        if width_of(from_zero) != len {
            return Err(Malformed);
        }
        let sign = (from_zero & 1).wrapping_neg();
        let base = ((from_zero >> 1) ^ sign).wrapping_add(zero);
        Ok(Self { base, width })
    }
}

/// So many bytes have a number that is not 0.
fn width_of(number: u128) -> usize {
    (u128::BITS - number.leading_zeros()).div_ceil(u8::BITS) as usize
}

impl<'a> OrderRows<'a> {
    /// Reads what `bytes` say of the rows, without the values in them.
    pub(in crate::store) fn read(bytes: &'a [u8]) -> DecodeResult<Self> {
        ByteDecoder::all(bytes, Self::decode)
    }

    fn decode(decoder: &mut ByteDecoder<'a>) -> DecodeResult<Self> {
        decoder.format(FORMAT)?;
        let first = decoder.u64()?;
        let began = Option::read(decoder)?;
        let len = usize::try_from(decoder.u64()?).map_err(|_| Malformed)?;
        if len > OrderSegment::LEN_MAX {
            return Err(Malformed);
        }
        let scale = u32::from(decoder.byte()?);
        if scale > Amount::SCALE {
            return Err(Malformed);
        }
        let mut fields = [OrderField::default(); FIELDS];
        for (field, zero) in fields.iter_mut().zip(ZEROS) {
            *field = OrderField::read(zero, decoder)?;
        }
        let width = fields.iter().map(|field| field.width).sum();
        Ok(Self {
            first,
            began,
            scale,
            fields,
            width,
            len,
            bytes: decoder.bytes(len * width)?,
        })
    }

    /// The payment at `place` in the segment, with its number among the ids of the partition.
    pub(in crate::store) fn order(&self, place: usize) -> DecodeResult<(u64, SeenOrder)> {
        if place >= self.len {
            return Err(Malformed);
        }
        let row = &self.bytes[place * self.width..(place + 1) * self.width];
        let (mut values, mut end) = ([0; FIELDS], 0);
        for (value, field) in values.iter_mut().zip(self.fields) {
            let mut difference = [0; VALUE_BYTES];
            difference[..field.width].copy_from_slice(&row[end..end + field.width]);
            let difference = u128::from_le_bytes(difference);
            *value = field.base.checked_add(difference).ok_or(Malformed)?;
            end += field.width;
        }
        let [kind, id, offset, event_time, branch, amount, clock] = values;
        let time = |millis| unsigned(millis).map(EventTime::from_millis);
        let amount = (amount ^ SIGN).cast_signed();
        let amount = amount.checked_mul(10_i128.pow(self.scale));
        let id = match kind {
            0 => OrderId::Number((id ^ SIGN).cast_signed()),
            1 => OrderId::Text(id),
            _ => return Err(Malformed),
        };
        let branch = BranchId::from_bits(u32::try_from(branch).map_err(|_| Malformed)?);
        let amount = Amount::from_units(amount.ok_or(Malformed)?);
        let order = SeenOrder::new(id, unsigned(offset)?, time(event_time)?, branch, amount);
        let clock = match clock.checked_sub(1) {
            // The least time stands for none.
            Some(0) => return Err(Malformed),
            Some(clock) => Some(time(clock)?),
            None => None,
        };
        let order = order.at_clock(clock);
        let number = self.first.checked_add(place as u64).ok_or(Malformed)?;
        Ok((number, order))
    }
}

impl StoredValue for StoredOrders {
    fn write(&self, encoder: &mut ByteEncoder) {
        write_orders(self.first, self.began, &self.orders, encoder);
    }

    fn read(decoder: &mut ByteDecoder<'_>) -> DecodeResult<Self> {
        let rows = OrderRows::decode(decoder)?;
        let orders = (0..rows.len).map(|place| Ok(rows.order(place)?.1));
        Ok(Self {
            first: rows.first,
            began: rows.began,
            orders: orders.collect::<DecodeResult<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests;
