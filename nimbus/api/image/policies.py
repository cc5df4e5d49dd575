"""Policy rules of the Image API, with Glance's names and defaults."""

from nimbus.api.image.metadefs.policies import RULES as METADEF_RULES
from nimbus.api.kit.policy import of_projects

ADMIN = 'rule:context_is_admin'
OWNER = 'project_id:%(project_id)s'
TAKER = 'project_id:%(member_id)s'
OPEN_TO_ALL = "'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s"
READER = f'{ADMIN} or (role:reader and {OWNER})'
MEMBER = f'{ADMIN} or (role:member and {OWNER})'
SEEN_BY = f'({OWNER} or {TAKER} or {OPEN_TO_ALL})'
# A compute host fills the images that servers are copied to, and no others.
COPIER = "role:service and 'snapshot':%(image_location)s"
MEMBERS_SEEN_BY = f'{ADMIN} or role:reader and ({OWNER} or {TAKER})'

RULES = tuple(
    of_projects(name, check, what)
    for name, check, what in (
        ('add_image', f'{ADMIN} or (role:member and {OWNER} and project_id:%(owner)s)', 'Create an image.'),
        ('delete_image', MEMBER, 'Delete an image.'),
        ('get_image', f'{ADMIN} or role:service or (role:reader and {SEEN_BY})', 'Show an image.'),
        ('get_images', f'{READER} or role:service', 'List images.'),
        ('modify_image', MEMBER, 'Change an image.'),
        ('publicize_image', ADMIN, 'Make an image public.'),
        ('communitize_image', MEMBER, 'Offer an image to the community.'),
        ('download_image', f'{ADMIN} or role:service or (role:member and {SEEN_BY})', "Read an image's bytes."),
        ('upload_image', f'{MEMBER} or ({COPIER})', "Write an image's bytes."),
        ('add_member', MEMBER, 'Share an image with a project.'),
        ('delete_member', MEMBER, 'Stop sharing an image with a project.'),
        ('get_member', MEMBERS_SEEN_BY, 'Show a project an image is shared with.'),
        ('get_members', MEMBERS_SEEN_BY, 'List the projects an image is shared with.'),
        ('modify_member', f'{ADMIN} or (role:member and {TAKER})', 'Take or refuse an image that is shared.'),
        ('copy_image', ADMIN, 'Copy an image into more stores.'),
        ('get_image_location', READER, 'See where the bytes of an image are.'),
        ('add_image_location', f'role:service or (role:member and {OWNER})', 'Make an image of bytes at a URL.'),
        ('fetch_image_location', 'role:service', 'See where to reach the bytes of an image.'),
        ('delete_image_location', ADMIN, 'Remove an image from one of its stores.'),
        ('stores_info_detail', f'{ADMIN} or role:service', 'See how stores are set up.'),
        ('tasks_api_access', ADMIN, 'List, show and make tasks.'),
        ('deactivate', MEMBER, 'Deactivate an image.'),
        ('reactivate', MEMBER, 'Reactivate an image.'),
    )
)
RULES += METADEF_RULES
