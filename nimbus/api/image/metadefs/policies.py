"""Policy rules of metadata definitions, with Glance's names and defaults."""

from nimbus.api.kit.policy import of_projects

ADMIN = 'rule:context_is_admin'
READER = f'{ADMIN} or (role:reader and project_id:%(project_id)s)'
SEEN = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"

RULES = tuple(
    of_projects(name, check, what)
    for name, check, what in (
        ('get_metadef_namespace', SEEN, 'Show a namespace of metadata definitions.'),
        ('get_metadef_namespaces', READER, 'List namespaces.'),
        ('add_metadef_namespace', ADMIN, 'Create a namespace.'),
        ('modify_metadef_namespace', ADMIN, 'Change a namespace.'),
        ('delete_metadef_namespace', ADMIN, 'Delete a namespace, or empty it.'),
        ('get_metadef_object', SEEN, 'Show an object of a namespace.'),
        ('get_metadef_objects', SEEN, 'List the objects of a namespace.'),
        ('add_metadef_object', ADMIN, 'Create an object.'),
        ('modify_metadef_object', ADMIN, 'Change an object.'),
        ('delete_metadef_object', ADMIN, 'Delete an object.'),
        ('list_metadef_resource_types', SEEN, 'List types of resources, and those a namespace is for.'),
        ('get_metadef_resource_type', SEEN, 'Show a type of resources that a namespace is for.'),
        ('add_metadef_resource_type_association', ADMIN, 'Say that a namespace is for a type of resources.'),
        ('remove_metadef_resource_type_association', ADMIN, 'Say that it is not any more.'),
        ('get_metadef_property', SEEN, 'Show a property of a namespace.'),
        ('get_metadef_properties', SEEN, 'List the properties of a namespace.'),
        ('add_metadef_property', ADMIN, 'Create a property.'),
        ('modify_metadef_property', ADMIN, 'Change a property.'),
        ('remove_metadef_property', ADMIN, 'Delete a property.'),
        ('get_metadef_tag', SEEN, 'Show a tag of a namespace.'),
        ('get_metadef_tags', SEEN, 'List the tags of a namespace.'),
        ('add_metadef_tag', ADMIN, 'Create a tag.'),
        ('add_metadef_tags', ADMIN, 'Create several tags at once.'),
        ('modify_metadef_tag', ADMIN, 'Change a tag.'),
        ('delete_metadef_tag', ADMIN, 'Delete a tag.'),
        ('delete_metadef_tags', ADMIN, 'Delete all tags of a namespace.'),
    )
)
