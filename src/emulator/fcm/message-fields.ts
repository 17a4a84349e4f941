import { fields, flag, float, int, list, moment, nested, oneOf, seconds, struct, text, texts } from './shape.ts';

/** The body of `messages:send`, field by field. [fcm.md §3.2] */

const analytics = nested(fields({ analytics_label: text }));
const color = nested(fields({ red: float, green: float, blue: float, alpha: float }));

const androidNotification = fields({
  title: text,
  body: text,
  icon: text,
  color: text,
  sound: text,
  tag: text,
  click_action: text,
  body_loc_key: text,
  body_loc_args: list(text),
  title_loc_key: text,
  title_loc_args: list(text),
  channel_id: text,
  ticker: text,
  sticky: flag,
  event_time: moment,
  local_only: flag,
  notification_priority: oneOf(
    'AndroidNotification.NotificationPriority',
    'PRIORITY_UNSPECIFIED',
    'PRIORITY_MIN',
    'PRIORITY_LOW',
    'PRIORITY_DEFAULT',
    'PRIORITY_HIGH',
    'PRIORITY_MAX',
  ),
  default_sound: flag,
  default_vibrate_timings: flag,
  default_light_settings: flag,
  vibrate_timings: list(seconds),
  light_settings: nested(fields({ color, light_on_duration: seconds, light_off_duration: seconds })),
  visibility: oneOf('AndroidNotification.Visibility', 'VISIBILITY_UNSPECIFIED', 'PRIVATE', 'PUBLIC', 'SECRET'),
  notification_count: int,
  image: text,
  proxy: oneOf('AndroidNotification.Proxy', 'PROXY_UNSPECIFIED', 'ALLOW', 'DENY', 'IF_PRIORITY_LOWERED'),
  bypass_proxy_notification: flag,
});

const android = fields({
  collapse_key: text,
  priority: oneOf('AndroidMessagePriority', 'NORMAL', 'HIGH'),
  ttl: seconds,
  restricted_package_name: text,
  data: texts,
  notification: nested(androidNotification),
  fcm_options: analytics,
  direct_boot_ok: flag,
  bandwidth_constrained_ok: flag,
  restricted_satellite_ok: flag,
});

const apns = fields({
  headers: texts,
  payload: struct,
  live_activity_token: text,
  fcm_options: nested(fields({ analytics_label: text, image: text })),
});

const webpush = fields({
  headers: texts,
  data: texts,
  notification: struct,
  fcm_options: nested(fields({ link: text, analytics_label: text })),
});

const message = fields({
  // An output of the service that may stand in its input.
  name: text,
  token: text,
  topic: text,
  condition: text,
  fid: text,
  data: texts,
  notification: nested(fields({ title: text, body: text, image: text })),
  android: nested(android),
  apns: nested(apns),
  webpush: nested(webpush),
  fcm_options: analytics,
});

export const sendRequest = fields({ message: nested(message), validate_only: flag });
